"""Users, groups and roles: names, ids, pages, members."""

from dataclasses import replace

import pytest

from openecr.errors import EntityAlreadyExistsException, NoSuchEntityException
from tests.metadata.people import (
    ACCOUNT,
    GROUP,
    NOW,
    OTHER,
    ROLE,
    USER,
    a_document,
    a_key,
    a_session,
    an_identity,
)


def test_an_identity_comes_back_as_it_was_stored(db):
    role = an_identity(
        ROLE,
        "Builder",
        path="/ci/Main/",
        boundary_arn="arn:aws:iam::aws:policy/AdministratorAccess",
        tags={"zone": "b", "area": "é", "empty": ""},
        trust_policy=a_document("sts:AssumeRole"),
        description="builds",
        max_session_seconds=7200,
    )
    user = an_identity(USER, "Ann")
    for each in (role, user):
        db.identities.add(each)

    assert db.identities.find_by_id(role.id) == role
    assert list(db.identities.find_by_id(role.id).tags) == ["zone", "area", "empty"]
    assert db.identities.find_by_id(user.id) == user
    assert db.identities.find_by_id("AIDAAAAAAAAAAAAAAAAAA") is None


def test_the_case_of_a_name_is_kept_and_does_not_count(db):
    user = an_identity(USER, "Ann")
    db.identities.add(user)

    assert db.identities.find(ACCOUNT, USER, "aNN") == user
    assert db.identities.get(ACCOUNT, USER, "ann").name == "Ann"
    with pytest.raises(EntityAlreadyExistsException) as refusal:
        db.identities.add(an_identity(USER, "ANN", path="/elsewhere/"))
    assert refusal.value.text == "User with name ANN already exists."


def test_a_name_is_of_one_account_and_one_kind(db):
    namesakes = [an_identity(USER, "x"), an_identity(GROUP, "x"), an_identity(ROLE, "x")]
    namesakes.append(an_identity(USER, "x", account=OTHER))
    for each in namesakes:
        db.identities.add(each)

    assert [db.identities.get(each.account, each.kind, "x") for each in namesakes] == namesakes


@pytest.mark.parametrize("kind", [USER, GROUP, ROLE])
def test_what_is_not_there_is_told_by_its_kind(db, kind):
    with pytest.raises(NoSuchEntityException) as refusal:
        db.identities.get(ACCOUNT, kind, "Nobody")
    assert refusal.value.text == f"The {kind} with name Nobody cannot be found."
    db.identities.add(an_identity(kind, "nobody"))
    with pytest.raises(EntityAlreadyExistsException, match=f"^{kind.capitalize()} with name nobody"):
        db.identities.add(an_identity(kind, "nobody"))


def test_an_update_changes_all_but_who_it_is(db):
    user = an_identity(USER, "ann")
    db.identities.add(user)
    changed = replace(
        user,
        name="Anna",
        path="/new/",
        boundary_arn="arn:aws:iam::aws:policy/AdministratorAccess",
        tags={"k": "v"},
        trust_policy="{}",
        description="d",
        max_session_seconds=4000,
    )

    db.identities.update(replace(changed, account=OTHER, kind=ROLE, created_at=NOW.replace(year=2000)))

    assert db.identities.find(ACCOUNT, USER, "ann") is None
    assert db.identities.get(ACCOUNT, USER, "ANNA") == changed


def test_nobody_is_renamed_to_a_name_that_is_taken(db):
    ann, bob = an_identity(USER, "ann"), an_identity(USER, "bob")
    for each in (ann, bob):
        db.identities.add(each)

    with pytest.raises(EntityAlreadyExistsException) as refusal:
        db.identities.update(replace(ann, name="Bob"))
    assert refusal.value.text == "User with name Bob already exists."
    assert db.identities.find_by_id(ann.id) == ann

    db.identities.update(replace(ann, name="ANN"))
    assert db.identities.find_by_id(ann.id).name == "ANN"


def test_a_user_or_role_is_found_by_the_arn_it_has_now(db):
    user = an_identity(USER, "Ann", path="/ci/")
    role = an_identity(ROLE, "Ann")
    group = an_identity(GROUP, "Ann")
    for each in (user, role, group):
        db.identities.add(each)

    assert db.identities.find_by_arn(f"arn:aws:iam::{ACCOUNT}:user/ci/Ann") == user
    assert db.identities.find_by_arn(f"arn:aws:iam::{ACCOUNT}:role/Ann") == role
    for wrong in (
        f"arn:aws:iam::{ACCOUNT}:user/Ann",
        f"arn:aws:iam::{ACCOUNT}:user/ci/ann",
        f"arn:aws:iam::{ACCOUNT}:user/CI/Ann",
        f"arn:aws:iam::{OTHER}:role/Ann",
        f"arn:aws:iam::{ACCOUNT}:group/Ann",
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Ann/s",
        "",
    ):
        assert db.identities.find_by_arn(wrong) is None

    db.identities.update(replace(role, name="Bea", path="/x/"))
    assert db.identities.find_by_arn(role.arn) is None
    assert db.identities.find_by_arn(f"arn:aws:iam::{ACCOUNT}:role/x/Bea").id == role.id


def test_pages_go_by_name_without_its_case(db):
    for name in ("b", "C", "a", "D", "e"):
        db.identities.add(an_identity(USER, name))
    db.identities.add(an_identity(ROLE, "bb"))
    db.identities.add(an_identity(USER, "bbb", account=OTHER))

    def names(**given):
        return [each.name for each in db.identities.page(ACCOUNT, USER, **given)]

    assert names(limit=100) == ["a", "b", "C", "D", "e"]
    assert names(limit=2) == ["a", "b"]
    assert names(limit=2, after="b") == ["C", "D"]
    assert names(limit=2, after="d") == ["e"]
    assert names(limit=2, after="e") == []
    assert db.identities.count(ACCOUNT, USER) == 5
    assert db.identities.count(ACCOUNT, GROUP) == 0


def test_a_path_prefix_is_taken_by_the_letter(db):
    for name, path in (("a", "/"), ("b", "/x/"), ("c", "/x/y/"), ("d", "/X/"), ("e", "/%/"), ("f", "/x_y/")):
        db.identities.add(an_identity(ROLE, name, path=path))

    def under(prefix):
        return [each.name for each in db.identities.page(ACCOUNT, ROLE, path_prefix=prefix, limit=100)]

    assert under("/") == ["a", "b", "c", "d", "e", "f"]
    assert under("/x") == ["b", "c", "f"]
    assert under("/x/") == ["b", "c"]
    assert under("/X/") == ["d"]
    assert under("/%") == ["e"]
    assert under("/x_") == ["f"]
    assert under("/nowhere/") == []


def test_members_and_groups_know_each_other_by_name(db):
    ann, bob, carol = (an_identity(USER, name) for name in ("Ann", "bob", "Carol"))
    team, all_ = an_identity(GROUP, "team"), an_identity(GROUP, "All")
    for each in (carol, bob, ann, team, all_):
        db.identities.add(each)
    for user in (carol, ann):
        db.identities.add_member(team.id, user.id)
    db.identities.add_member(all_.id, ann.id)
    db.identities.add_member(all_.id, ann.id)

    assert db.identities.members(team.id) == [ann, carol]
    assert db.identities.groups_of(ann.id) == [all_, team]
    assert db.identities.groups_of(bob.id) == []
    assert db.identities.remove_member(team.id, ann.id) is True
    assert db.identities.remove_member(team.id, ann.id) is False
    assert db.identities.members(team.id) == [carol]


def test_what_an_identity_had_goes_with_it_and_nothing_else(db):
    ann, bob = an_identity(USER, "ann"), an_identity(USER, "bob")
    team = an_identity(GROUP, "team")
    for each in (ann, bob, team):
        db.identities.add(each)
    for number, user in enumerate((ann, bob)):
        db.identities.add_member(team.id, user.id)
        db.identity_policies.put(user.id, "p", a_document())
        db.identity_policies.attach(user.id, "arn:aws:iam::aws:policy/AdministratorAccess")
        db.access_keys.add(a_key(f"AKIA{number}", user.id))
        db.sessions.add(a_session(f"ASIA{number}", user))

    db.identities.delete(ann)

    assert db.identities.find_by_id(ann.id) is None
    assert db.identities.members(team.id) == [bob]
    assert (db.identity_policies.names(ann.id), db.identity_policies.attached(ann.id)) == ([], [])
    assert len(db.identity_policies.in_force(bob.id)) == 2
    assert (db.access_keys.find("AKIA0"), db.sessions.find("ASIA0")) == (None, None)
    assert db.access_keys.find("AKIA1").user_id == db.sessions.find("ASIA1").identity_id == bob.id

    db.identities.delete(team)
    assert db.identities.groups_of(bob.id) == []
    assert db.identities.find_by_id(bob.id) == bob
