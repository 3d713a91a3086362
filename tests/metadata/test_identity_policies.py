"""The policies of identities: inline, attached, bounding; and all that are in force."""

from dataclasses import replace

import pytest

from openecr.domain.aws_managed_policies import DOCUMENTS
from openecr.metadata.identity_policies import ALLOWS_NOTHING
from tests.metadata.people import ACCOUNT, GROUP, NOW, OTHER, ROLE, USER, a_policy, an_identity

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"


@pytest.fixture
def ann(db):
    user = an_identity(USER, "ann")
    db.identities.add(user)
    return user


def add(db, *identities):
    for each in identities:
        db.identities.add(each)
    return identities[0] if len(identities) == 1 else identities


def test_inline_policies_are_kept_by_name(db, ann):
    bob = add(db, an_identity(USER, "bob"))
    db.identity_policies.put(ann.id, "push", "1")
    db.identity_policies.put(ann.id, "pull", "2")
    db.identity_policies.put(ann.id, "Pull", "3")
    db.identity_policies.put(ann.id, "push", "4")

    assert db.identity_policies.names(ann.id) == ["Pull", "pull", "push"]
    assert [db.identity_policies.find(ann.id, name) for name in ("push", "pull", "Pull")] == ["4", "2", "3"]
    assert db.identity_policies.find(bob.id, "push") is None
    assert db.identity_policies.delete(ann.id, "push") is True
    assert db.identity_policies.delete(ann.id, "push") is False
    assert db.identity_policies.names(ann.id) == ["Pull", "pull"]


def test_white_space_does_not_count_in_the_size_of_inline_policies(db, ann):
    assert db.identity_policies.size(ann.id) == 0
    db.identity_policies.put(ann.id, "a", '{ "é" :\n\t[ ] }\r\n')
    db.identity_policies.put(ann.id, "b", '{"\u00a0\u0085"}')
    assert db.identity_policies.size(ann.id) == len('{"é":[]}') + 6


def test_a_policy_is_attached_once(db, ann):
    for arn in (PULL_ONLY, ADMINISTRATOR, PULL_ONLY):
        db.identity_policies.attach(ann.id, arn)

    assert db.identity_policies.attached(ann.id) == [ADMINISTRATOR, PULL_ONLY]
    assert db.identity_policies.detach(ann.id, PULL_ONLY) is True
    assert db.identity_policies.detach(ann.id, PULL_ONLY) is False
    assert db.identity_policies.attached(ann.id) == [ADMINISTRATOR]


def test_whom_a_policy_is_attached_to_is_asked_within_an_account(db, ann):
    zoe, team, role, stranger = add(
        db,
        an_identity(USER, "Zoe", path="/ci/"),
        an_identity(GROUP, "team"),
        an_identity(ROLE, "builder", path="/ci/"),
        an_identity(USER, "stranger", account=OTHER),
    )
    for each in (zoe, team, role, stranger, ann):
        db.identity_policies.attach(each.id, ADMINISTRATOR)
    db.identity_policies.attach(ann.id, PULL_ONLY)

    entities = db.identity_policies.entities
    assert entities(ACCOUNT, ADMINISTRATOR) == [team, role, ann, zoe]
    assert entities(ACCOUNT, ADMINISTRATOR, kind=USER) == [ann, zoe]
    assert entities(ACCOUNT, ADMINISTRATOR, path_prefix="/ci/") == [role, zoe]
    assert entities(ACCOUNT, ADMINISTRATOR, kind=ROLE, path_prefix="/ci") == [role]
    assert entities(OTHER, ADMINISTRATOR) == [stranger]
    assert entities(ACCOUNT, "arn:aws:iam::aws:policy/Nothing") == []
    assert db.identity_policies.attachment_count(ACCOUNT, ADMINISTRATOR) == 4
    assert db.identity_policies.attachment_count(OTHER, ADMINISTRATOR) == 1
    assert db.identity_policies.attachment_count(OTHER, PULL_ONLY) == 0


def test_whom_a_policy_bounds_is_asked_within_an_account(db, ann):
    role, zoe = add(
        db,
        an_identity(ROLE, "builder", boundary_arn=ADMINISTRATOR),
        an_identity(USER, "Zoe", boundary_arn=ADMINISTRATOR),
        an_identity(USER, "stranger", account=OTHER, boundary_arn=ADMINISTRATOR),
        an_identity(USER, "else", boundary_arn=PULL_ONLY),
    )[:2]
    db.identity_policies.attach(ann.id, ADMINISTRATOR)

    assert db.identity_policies.boundary_users(ACCOUNT, ADMINISTRATOR) == [role, zoe]
    counts = [
        db.identity_policies.boundary_count(account, arn)
        for account, arn in ((ACCOUNT, ADMINISTRATOR), (OTHER, ADMINISTRATOR), (OTHER, PULL_ONLY))
    ]
    assert counts == [2, 1, 0]


def test_what_is_in_force_for_a_user_is_its_own_and_its_groups(db, ann):
    bob, team, all_, stranger = add(
        db,
        *(an_identity(kind, name) for kind, name in ((USER, "bob"), (GROUP, "team"), (GROUP, "All"))),
        an_identity(GROUP, "others"),
    )
    push = a_policy("push", path="/ci/")
    db.managed_policies.add(push, "managed")
    for group in (team, all_):
        db.identities.add_member(group.id, ann.id)
    db.identities.add_member(stranger.id, bob.id)
    for owner, name, document in (
        (ann, "pull", "own"),
        (team, "pull", "team's"),
        (all_, "pull", "all's"),
        (bob, "pull", "bob's"),
        (stranger, "pull", "others'"),
    ):
        db.identity_policies.put(owner.id, name, document)
    db.identity_policies.attach(ann.id, push.arn)
    db.identity_policies.attach(team.id, push.arn)
    db.identity_policies.attach(all_.id, ADMINISTRATOR)
    db.identity_policies.attach(bob.id, PULL_ONLY)

    in_force = db.identity_policies.in_force(ann.id)

    assert dict(in_force) == {
        "user policy pull": "own",
        "group policy pull of team": "team's",
        "group policy pull of All": "all's",
        f"arn:aws:iam::{ACCOUNT}:policy/ci/push": "managed",
        ADMINISTRATOR: DOCUMENTS[ADMINISTRATOR],
    }
    assert len(in_force) == 5


def test_what_is_in_force_for_a_role_is_its_own(db):
    role = add(db, an_identity(ROLE, "builder"))
    assert db.identity_policies.in_force(role.id) == []
    db.identity_policies.put(role.id, "pull", "own")
    db.identity_policies.attach(role.id, PULL_ONLY)

    assert dict(db.identity_policies.in_force(role.id)) == {
        "role policy pull": "own",
        PULL_ONLY: DOCUMENTS[PULL_ONLY],
    }


def test_of_a_managed_policy_the_default_version_is_in_force(db, ann):
    policy = a_policy("p")
    db.managed_policies.add(policy, "one")
    db.identity_policies.attach(ann.id, policy.arn)
    db.managed_policies.add_version(policy, "two", at=NOW, as_default=False)
    assert db.identity_policies.in_force(ann.id) == [(policy.arn, "one")]

    db.managed_policies.update(replace(db.managed_policies.get(policy.arn), default_version=2))
    assert db.identity_policies.in_force(ann.id) == [(policy.arn, "two")]


def test_what_is_attached_and_not_there_is_not_in_force(db, ann):
    policy = a_policy("p")
    db.managed_policies.add(policy, "one")
    for arn in (policy.arn, "arn:aws:iam::aws:policy/Nothing"):
        db.identity_policies.attach(ann.id, arn)

    db.managed_policies.delete(policy)

    assert db.identity_policies.in_force(ann.id) == []


def test_a_boundary_that_is_gone_allows_nothing(db, ann):
    policy = a_policy("p")
    db.managed_policies.add(policy, "one")

    assert db.identity_policies.boundary(ann) is None
    assert db.identity_policies.boundary(replace(ann, boundary_arn=policy.arn)) == (policy.arn, "one")
    assert db.identity_policies.boundary(replace(ann, boundary_arn=PULL_ONLY))[1] == DOCUMENTS[PULL_ONLY]
    db.managed_policies.delete(policy)
    assert db.identity_policies.boundary(replace(ann, boundary_arn=policy.arn)) == (
        policy.arn,
        ALLOWS_NOTHING,
    )
