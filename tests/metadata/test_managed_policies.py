"""Managed policies, the accounts' and AWS's, and their versions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from openecr.domain import aws_managed_policies
from openecr.domain.principal import PolicyVersion
from openecr.errors import EntityAlreadyExistsException, NoSuchEntityException
from openecr.metadata.managed_policies import ALL, AWS, LOCAL, PERMISSIONS_BOUNDARY, PERMISSIONS_POLICY
from tests.metadata.people import ACCOUNT, NOW, OTHER, USER, a_policy, an_identity

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
LATER = NOW + timedelta(days=1)


def names(policies):
    return [each.name for each in policies]


def test_a_policy_comes_back_as_it_was_stored(db):
    policy = a_policy("Push", path="/ci/", description="may push", tags={"b": "1", "a": ""})
    db.managed_policies.add(policy, "{}")

    assert db.managed_policies.get(f"arn:aws:iam::{ACCOUNT}:policy/ci/Push") == policy
    assert db.managed_policies.document(policy.arn) == "{}"
    assert db.managed_policies.versions(policy.arn) == [PolicyVersion(1, "{}", NOW)]


def test_the_name_of_a_policy_is_its_accounts_whatever_the_path_and_case(db):
    db.managed_policies.add(a_policy("push"), "{}")
    db.managed_policies.add(a_policy("push", account=OTHER), "{}")

    with pytest.raises(EntityAlreadyExistsException) as refusal:
        db.managed_policies.add(a_policy("Push", path="/ci/"), "{}")
    assert refusal.value.text == "A policy called Push already exists. Duplicate names are not allowed."
    db.managed_policies.add(a_policy("AdministratorAccess"), "{}")
    assert db.managed_policies.count(ACCOUNT) == 2


@pytest.mark.parametrize("arn", [f"arn:aws:iam::{ACCOUNT}:policy/x", "arn:aws:iam::aws:policy/x", "x"])
def test_a_policy_that_is_not_there_is_told_by_its_arn(db, arn):
    assert db.managed_policies.find(arn) is None
    assert db.managed_policies.document(arn) is None
    assert db.managed_policies.versions(arn) == []
    assert db.managed_policies.find_version(arn, 1) is None
    with pytest.raises(NoSuchEntityException) as refusal:
        db.managed_policies.get(arn)
    assert refusal.value.text == f"Policy {arn} was not found."


def test_the_policies_of_aws_are_there_without_rows(db):
    policy = db.managed_policies.get(PULL_ONLY)
    document = db.managed_policies.document(PULL_ONLY)

    assert (policy.arn, policy.account, policy.default_version) == (PULL_ONLY, "aws", 1)
    assert document == aws_managed_policies.DOCUMENTS[PULL_ONLY]
    assert db.managed_policies.versions(PULL_ONLY) == [PolicyVersion(1, document, policy.updated_at)]
    assert db.managed_policies.find_version(PULL_ONLY, 1).document == document
    assert db.managed_policies.find_version(PULL_ONLY, 2) is None


def test_a_version_number_is_never_given_twice(db):
    policy = a_policy("p")
    db.managed_policies.add(policy, "one")
    two = db.managed_policies.add_version(policy, "two", at=LATER, as_default=False)
    assert two == PolicyVersion(2, "two", LATER)
    assert db.managed_policies.document(policy.arn) == "one"
    assert db.managed_policies.get(policy.arn) == replace(policy, updated_at=LATER, latest_version=2)

    assert db.managed_policies.delete_version(policy, 2) is True
    assert db.managed_policies.delete_version(policy, 2) is False
    three = db.managed_policies.add_version(
        db.managed_policies.get(policy.arn), "three", at=LATER, as_default=True
    )
    assert three.number == 3
    assert db.managed_policies.document(policy.arn) == "three"
    assert [each.number for each in db.managed_policies.versions(policy.arn)] == [3, 1]
    assert db.managed_policies.find_version(policy.arn, 1) == PolicyVersion(1, "one", NOW)
    assert db.managed_policies.find_version(policy.arn, 2) is None
    db.managed_policies.add(a_policy("q"), "one")
    assert db.managed_policies.version_count(policy.account) == 3


def test_what_may_change_of_a_policy_changes(db):
    policy, other = a_policy("p"), a_policy("q")
    for each in (policy, other):
        db.managed_policies.add(each, "{}")
    changed = replace(policy, description="d", updated_at=LATER, tags={"k": "v"})

    db.managed_policies.update(changed)

    assert db.managed_policies.get(policy.arn) == changed
    assert db.managed_policies.get(other.arn) == other


def test_a_policy_goes_with_its_versions(db):
    policy, other = a_policy("p"), a_policy("q")
    for each in (policy, other):
        db.managed_policies.add(each, "{}")

    db.managed_policies.delete(policy)

    assert db.managed_policies.find(policy.arn) is None
    assert db.managed_policies.versions(policy.arn) == []
    assert db.managed_policies.document(other.arn) == "{}"
    db.managed_policies.add(a_policy("p"), "again")


def test_an_accounts_policies_come_before_those_of_aws(db):
    for name in ("b", "C", "a", "AdministratorAccess"):
        db.managed_policies.add(a_policy(name), "{}")
    db.managed_policies.add(a_policy("d", account=OTHER), "{}")
    local, aws = ["a", "AdministratorAccess", "b", "C"], names(aws_managed_policies.POLICIES.values())

    def page(**given):
        return names(db.managed_policies.page(ACCOUNT, **given))

    assert page(limit=1000) == page(scope=ALL, limit=1000) == local + sorted(aws)
    assert page(scope=LOCAL, limit=1000) == local
    assert page(scope=AWS, limit=1000) == sorted(aws)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_pages_put_together_are_the_whole(db, limit):
    for name in ("b", "C", "a", "AdministratorAccess"):
        db.managed_policies.add(a_policy(name, path="/x/" if name == "b" else "/"), "{}")
    found, last = [], ""
    while page := db.managed_policies.page(ACCOUNT, after=last, limit=limit):
        assert len(page) <= limit
        found += page
        last = page[-1].arn
    assert found == db.managed_policies.page(ACCOUNT, limit=1000)
    assert db.managed_policies.page(ACCOUNT, after="b", limit=1) == found[3:4]
    assert len(found) == 4 + len(aws_managed_policies.POLICIES)


def test_policies_are_told_apart_by_path_and_by_use(db):
    attached, bounding, idle = a_policy("attached"), a_policy("bounding", path="/x/"), a_policy("idle")
    for each in (attached, bounding, idle):
        db.managed_policies.add(each, "{}")
    for account, arn, boundary in ((ACCOUNT, PULL_ONLY, ADMINISTRATOR), (OTHER, ADMINISTRATOR, PULL_ONLY)):
        user = an_identity(USER, "aws", account=account, boundary_arn=boundary)
        db.identities.add(user)
        db.identity_policies.attach(user.id, arn)
    ann = an_identity(USER, "ann", boundary_arn=bounding.arn)
    db.identities.add(ann)
    db.identity_policies.attach(ann.id, attached.arn)

    def page(**given):
        return names(db.managed_policies.page(ACCOUNT, limit=1000, **given))

    in_use = ["attached", "AmazonEC2ContainerRegistryPullOnly"]
    assert page(only_attached=True) == page(usage=PERMISSIONS_POLICY) == in_use
    assert page(usage=PERMISSIONS_BOUNDARY) == ["bounding", "AdministratorAccess"]
    assert page(usage=PERMISSIONS_BOUNDARY, only_attached=True) == ["bounding", "AdministratorAccess"]
    assert page(scope=LOCAL, only_attached=True) == ["attached"]
    assert page(path_prefix="/x/") == ["bounding"]
