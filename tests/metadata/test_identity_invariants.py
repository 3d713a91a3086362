"""fsck finds nothing among identities where all is well, and each breach where one thing is not."""

import sqlite3

import pytest

from openecr.metadata.identity_invariants import OWNERS, breaches
from openecr.metadata.schema import metadata
from tests.metadata.people import (
    ACCOUNT,
    GROUP,
    OTHER,
    ROLE,
    USER,
    a_document,
    a_key,
    a_policy,
    a_provider,
    a_session,
    an_identity,
)

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ELSEWHERE = f"arn:aws:iam::{OTHER}:policy/elsewhere"


@pytest.fixture
def people(database):
    """(user, group, role, policy): with one of everything that belongs to them."""
    policy = a_policy("Push", path="/ci/")
    user = an_identity(USER, "Ann", boundary_arn=ADMINISTRATOR)
    role = an_identity(ROLE, "Élan", boundary_arn=policy.arn)
    group = an_identity(GROUP, "Team")
    with database.transaction() as db:
        db.managed_policies.add(policy, a_document())
        db.managed_policies.add(a_policy("elsewhere", account=OTHER), a_document())
        for each in (user, group, role):
            db.identities.add(each)
            db.identity_policies.put(each.id, "p", a_document())
            db.identity_policies.attach(each.id, policy.arn)
            db.identity_policies.attach(each.id, ADMINISTRATOR)
        db.identities.add_member(group.id, user.id)
        db.access_keys.add(a_key("AKIAUSER", user.id))
        db.access_keys.add(a_key("AKIAROOT"))
        db.sessions.add(a_session("ASIAROLE", role))
        db.accounts.set_alias(ACCOUNT, "ours")
        db.oidc_providers.add(a_provider())
    return user, group, role, policy


@pytest.fixture
def found(database, people, tmp_path):
    """Runs a statement behind everyone's back, foreign keys or not, and returns what fsck then says."""

    def found(statement, *values):
        driver = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
        assert driver.execute(statement, values).rowcount > 0
        driver.close()
        with database.reading() as db:
            return list(breaches(db.connection))

    return found


def test_identities_made_by_the_rules_are_sound(database, people):
    with database.reading() as db:
        assert list(breaches(db.connection)) == []


@pytest.mark.parametrize("kind", [ROLE, GROUP])
def test_a_member_is_a_user(found, people, kind):
    user, group, *_ = people
    assert (
        f"the group {group.id} has the member {user.id}, which is no user of its account, or it is no group"
        in found("UPDATE identity SET kind = ? WHERE name = 'Ann'", kind)
    )


@pytest.mark.parametrize("name", ["Ann", "Team"])
@pytest.mark.parametrize(("column", "value"), [("account_id", OTHER), ("kind", "role")])
def test_a_group_has_members_of_its_own_account(found, people, name, column, value):
    user, group, *_ = people
    said = found(f"UPDATE identity SET {column} = ? WHERE name = ?", value, name)
    assert any(text.startswith(f"the group {group.id} has the member {user.id}, which") for text in said)


@pytest.mark.parametrize(("column", "value"), [("account_id", OTHER), ("user_id", "ROLE")])
def test_an_access_key_is_of_a_user_of_its_account(found, people, column, value):
    user, _, role, _ = people
    value = role.id if value == "ROLE" else value
    of = role if column == "user_id" else user
    assert found(f"UPDATE access_key SET {column} = ? WHERE id = 'AKIAUSER'", value) == [
        f"the access key AKIAUSER is of {of.id}, which is no user of its account"
    ]


def test_a_session_is_of_a_user_or_role_of_its_account(found, people):
    said = "the session ASIAROLE is of {}, which is no user or role of its account"
    assert found("UPDATE session SET account_id = ?", OTHER) == [said.format(people[2].id)]
    group = people[1].id
    assert found(
        "UPDATE session SET account_id = ?, identity_id = ?, principal_id = ?", ACCOUNT, group, f"{group}:ci"
    ) == [said.format(group)]


def test_a_session_says_that_it_is_its_own_identity(found, people):
    assert found("UPDATE session SET principal_id = ?", people[0].id) == [
        f"the session ASIAROLE says that it is {people[0].id}, which is not of its identity"
    ]


@pytest.mark.parametrize("more", ["", "x", "x:ci"])
def test_a_session_says_so_to_the_letter(found, people, more):
    role = people[2].id
    assert found("UPDATE session SET principal_id = ?", role + more) == (
        [f"the session ASIAROLE says that it is {role}{more}, which is not of its identity"] if more else []
    )


def test_a_session_of_nobody_is_its_account_s_root_s(found, people):
    role = people[2].id
    change = "UPDATE session SET identity_id = NULL, principal_id = ?"
    assert found(change, f"{role}:ci") == [f"the session ASIAROLE of a root says that it is {role}:ci"]
    assert found(change, OTHER) == [f"the session ASIAROLE of a root says that it is {OTHER}"]
    assert found(change, ACCOUNT) == []


def test_the_default_version_of_a_policy_is_there(found, people):
    arn = people[3].arn
    assert found("UPDATE managed_policy SET default_version = 2 WHERE arn = ?", arn) == [
        f"{arn} has no version 2, its default"
    ]


def test_no_version_of_a_policy_is_later_than_its_latest(found, people):
    arn = people[3].arn
    assert found("UPDATE managed_policy SET latest_version = 0 WHERE arn = ?", arn) == [
        f"{arn} has a version 1, which is later than its latest"
    ]


@pytest.mark.parametrize("column", ["name", "path"])
def test_a_policy_is_found_by_the_arn_it_has(found, people, column):
    policy = people[3]
    assert found(f"UPDATE managed_policy SET {column} = '/x/' WHERE arn = ?", policy.arn) == [
        f"the managed policy {policy.id} is not what is called {policy.arn}"
    ]


@pytest.mark.parametrize("arn", [ELSEWHERE, "arn:aws:iam::aws:policy/Nothing", "x"])
def test_what_is_attached_is_there_in_the_account(found, people, arn):
    user, _, _, policy = people
    assert found(
        "UPDATE attached_policy SET policy_arn = ? WHERE identity_id = ? AND policy_arn = ?",
        arn,
        user.id,
        policy.arn,
    ) == [f"{user.id} has {arn} attached, which is no policy of its account"]


@pytest.mark.parametrize("arn", [ELSEWHERE, "arn:aws:iam::aws:policy/Nothing", "x"])
def test_what_bounds_is_there_in_the_account(found, people, arn):
    user = people[0]
    assert found("UPDATE identity SET boundary_arn = ? WHERE id = ?", arn, user.id) == [
        f"{user.id} has {arn} as its boundary, which is no policy of its account"
    ]


def test_a_group_has_no_boundary(found, people):
    group = people[1]
    assert found("UPDATE identity SET boundary_arn = ? WHERE id = ?", ADMINISTRATOR, group.id) == [
        f"the group {group.id} has a boundary, {ADMINISTRATOR}"
    ]


def test_an_identity_is_found_by_its_name(found, people):
    user = people[0]
    assert found("UPDATE identity SET folded_name = 'Ann' WHERE id = ?", user.id) == [
        f"{user.id} is called Ann and found as 'Ann'"
    ]


@pytest.mark.parametrize(
    ("table", "parent"),
    [
        ("inline_policy", "identity"),
        ("attached_policy", "identity"),
        ("group_member", "identity"),
        ("policy_version", "managed_policy"),
        ("account_alias", "account"),
        ("oidc_provider", "account"),
        ("access_key", "account"),
        ("session", "account"),
    ],
)
def test_a_row_dies_with_its_owner(found, table, parent):
    assert f"a row of {table} is of a row of {parent} that is not there" in found(f"DELETE FROM {parent}")


def test_every_table_that_came_with_identities_is_looked_at():
    of_images = {
        "catalog",
        "digest_alias",
        "garbage_review",
        "image",
        "image_blob",
        "image_child",
        "lifecycle_policy",
        "lifecycle_preview",
        "lifecycle_preview_image",
        "logo",
        "manifest",
        "repository_blob",
        "resource_tag",
        "tag",
        "upload",
    }
    owned = {table.name for table in metadata.sorted_tables if table.foreign_keys}
    assert owned - of_images == set(OWNERS)
