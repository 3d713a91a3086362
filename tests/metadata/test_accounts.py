"""Accounts and their aliases; the providers they trust; settings and policies of what they own."""

from dataclasses import replace

import pytest

from openecr.domain.registry import private_registry, public_registry
from openecr.domain.repository import Encryption, Repository
from openecr.domain.tag_mutability import TagMutability
from openecr.errors import EntityAlreadyExistsException, NoSuchEntityException
from tests.metadata.people import ACCOUNT, NOW, OTHER, a_provider

REGISTRY = private_registry(ACCOUNT, "eu-central-1")
ELSEWHERE = private_registry(ACCOUNT, "us-east-1")


def a_repository(registry, name):
    return Repository(0, registry, name, NOW, TagMutability("MUTABLE", ()), False, Encryption("AES256", None))


def test_accounts_are_listed_by_number(db):
    db.accounts.add("000000000001", "first", at=NOW)

    assert db.accounts.list() == [("000000000001", "first"), (ACCOUNT, "ours"), (OTHER, "another")]
    assert db.accounts.has(ACCOUNT) is True
    assert db.accounts.has("999999999999") is False


def test_an_account_has_one_alias(db):
    assert db.accounts.find_alias(ACCOUNT) is None
    db.accounts.set_alias(ACCOUNT, "ours")
    db.accounts.set_alias(OTHER, "theirs")
    db.accounts.set_alias(ACCOUNT, "renamed")

    assert (db.accounts.find_alias(ACCOUNT), db.accounts.find_by_alias("renamed")) == ("renamed", ACCOUNT)
    assert (db.accounts.find_alias(OTHER), db.accounts.find_by_alias("theirs")) == ("theirs", OTHER)
    assert db.accounts.find_by_alias("ours") is None


@pytest.mark.parametrize("account", [ACCOUNT, OTHER])
def test_an_alias_that_is_taken_is_refused(db, account):
    db.accounts.set_alias(ACCOUNT, "ours")
    with pytest.raises(EntityAlreadyExistsException) as refusal:
        db.accounts.set_alias(account, "ours")
    assert refusal.value.text == "The account alias ours already exists."
    assert db.accounts.find_alias(ACCOUNT) == "ours"


def test_an_account_removes_its_own_alias_only(db):
    db.accounts.set_alias(ACCOUNT, "ours")
    for account, name in ((OTHER, "ours"), (ACCOUNT, "theirs")):
        with pytest.raises(NoSuchEntityException):
            db.accounts.remove_alias(account, name)
    db.accounts.remove_alias(ACCOUNT, "ours")
    assert db.accounts.find_alias(ACCOUNT) is None


def test_a_provider_comes_back_as_it_was_stored(db):
    provider = a_provider(tags={"b": "1", "a": ""})
    db.oidc_providers.add(provider)

    assert db.oidc_providers.find(ACCOUNT, "oidc.example.com/id/1") == provider
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example.com/id/1"
    assert db.oidc_providers.get(arn) == provider
    assert db.oidc_providers.find(OTHER, "oidc.example.com/id/1") is None
    with pytest.raises(EntityAlreadyExistsException) as refusal:
        db.oidc_providers.add(provider)
    assert refusal.value.text == "Provider with url https://oidc.example.com/id/1 already exists."
    db.oidc_providers.add(replace(provider, account=OTHER))


@pytest.mark.parametrize(
    "arn", [f"arn:aws:iam::{OTHER}:oidc-provider/oidc.example.com/id/1", f"arn:aws:iam::{ACCOUNT}:user/x", ""]
)
def test_a_provider_that_is_not_there_is_told_by_its_arn(db, arn):
    db.oidc_providers.add(a_provider())
    with pytest.raises(NoSuchEntityException) as refusal:
        db.oidc_providers.get(arn)
    assert refusal.value.text == f"OpenIDConnect Provider not found for arn {arn}"


def test_a_provider_changes_and_goes_alone(db):
    one, two = a_provider("a.example.com"), a_provider("b.example.com")
    for each in (two, one, replace(one, account=OTHER)):
        db.oidc_providers.add(each)
    assert db.oidc_providers.list(ACCOUNT) == [one, two]

    changed = replace(one, client_ids=(), thumbprints=("cd" * 20,), tags={"k": "v"})
    db.oidc_providers.update(changed)
    assert db.oidc_providers.list(ACCOUNT) == [changed, two]
    db.oidc_providers.delete(changed)
    assert db.oidc_providers.list(ACCOUNT) == [two]
    assert db.oidc_providers.list(OTHER) == [replace(one, account=OTHER)]


def test_a_repository_has_one_policy_and_takes_it_along(db):
    app = db.repositories.add(a_repository(REGISTRY, "team/app"))
    other = db.repositories.add(a_repository(REGISTRY, "team/other"))
    namesake = db.repositories.add(a_repository(public_registry(ACCOUNT), "team/app"))
    for repository, document in ((app, "1"), (app, "2"), (namesake, "3")):
        db.repository_policies.put(repository, document)

    find_named = db.repository_policies.find_named
    assert [db.repository_policies.find(each) for each in (app, other, namesake)] == ["2", None, "3"]
    assert find_named(REGISTRY, "team/app") == "2"
    assert find_named(public_registry(ACCOUNT), "team/app") == "3"
    assert find_named(REGISTRY, "team/other") is None
    assert find_named(ELSEWHERE, "team/app") is None

    db.repositories.delete(app, at=NOW)
    assert db.repository_policies.find(app) is None
    db.repository_policies.delete(namesake)
    assert find_named(public_registry(ACCOUNT), "team/app") is None


def test_a_private_registry_has_one_policy_in_each_region(db):
    db.registry_policies.put(REGISTRY, "1")
    db.registry_policies.put(REGISTRY, "2")
    db.registry_policies.put(ELSEWHERE, "3")

    assert db.registry_policies.find(REGISTRY) == "2"
    assert db.registry_policies.find(ELSEWHERE) == "3"
    assert db.registry_policies.find(public_registry(ACCOUNT)) is None  # of the same region, and another
    assert db.registry_policies.find(private_registry(OTHER, "eu-central-1")) is None
    db.registry_policies.delete(REGISTRY)
    assert (db.registry_policies.find(REGISTRY), db.registry_policies.find(ELSEWHERE)) == (None, "3")


def test_settings_are_kept_by_registry_and_name(db):
    assert db.account_settings.list(REGISTRY) == {}
    for registry, name, value in (
        (REGISTRY, "REGISTRY_POLICY_SCOPE", "V1"),
        (REGISTRY, "REGISTRY_POLICY_SCOPE", "V2"),
        (REGISTRY, "A", "1"),
        (ELSEWHERE, "A", "2"),
    ):
        db.account_settings.put(registry, name, value)

    assert db.account_settings.list(REGISTRY) == {"A": "1", "REGISTRY_POLICY_SCOPE": "V2"}
    assert db.account_settings.find(REGISTRY, "REGISTRY_POLICY_SCOPE") == "V2"
    assert db.account_settings.find(ELSEWHERE, "REGISTRY_POLICY_SCOPE") is None
