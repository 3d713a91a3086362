"""Identities, policies, keys and sessions to store, made in one line."""

from datetime import UTC, datetime, timedelta

from openecr.domain.principal import (
    ACTIVE,
    ID_PREFIXES,
    POLICY_ID_PREFIX,
    AccessKey,
    Identity,
    IdentityKind,
    ManagedPolicy,
    OidcProvider,
    Session,
    new_id,
)

ACCOUNT = "123456789012"
OTHER = "210987654321"
NOW = datetime(2026, 11, 21, 12, 0, 0, 123_000, tzinfo=UTC)
USER, GROUP, ROLE = IdentityKind.USER, IdentityKind.GROUP, IdentityKind.ROLE


def an_identity(kind, name, account=ACCOUNT, path="/", **more):
    return Identity(new_id(ID_PREFIXES[kind]), kind, account, path, name, NOW, **more)


def a_policy(name, account=ACCOUNT, path="/", **more):
    return ManagedPolicy(
        new_id(POLICY_ID_PREFIX), account, path, name, more.pop("description", None), NOW, NOW, 1, 1, **more
    )


def a_document(action="ecr:PutImage"):
    statement = f'{{"Effect":"Allow","Action":"{action}","Resource":"*"}}'
    return f'{{"Version":"2012-10-17","Statement":[{statement}]}}'


def a_key(id, user_id=None, account=ACCOUNT, status=ACTIVE, at=NOW, sealed=b"sealed"):
    return AccessKey(id, account, user_id, sealed, status, at)


def a_session(id, identity, expires_at=NOW + timedelta(hours=1), **more):
    return Session(
        id,
        identity.account,
        identity.id,
        f"arn:aws:sts::{identity.account}:assumed-role/{identity.name}/ci",
        f"{identity.id}:ci",
        b"sealed",
        b"\x01" * 32,
        NOW,
        expires_at,
        **more,
    )


def a_provider(url="oidc.example.com/id/1", account=ACCOUNT, **more):
    return OidcProvider(account, url, ("sts.amazonaws.com", "other"), ("ab" * 20,), NOW, **more)
