"""CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey. Source: auth-iam.md §2.2, §2.5."""

import re

from botocore.exceptions import ClientError

from tests.operations.iam.asking import (
    ACCOUNT,
    NAMELESS,
    OTHER_ACCOUNT,
    a_session,
    a_user,
    allow,
    denied,
    no_such,
    over_quota,
    pages,
    plain,
    refusal,
)
from tests.running import ROOT

UNKNOWN_KEY = "AKIAIOSFODNN7EXAMPLE"


def no_key(key_id):
    return 404, "NoSuchEntity", f"The Access Key with id {key_id} cannot be found."


def key_ids(iam, **asked):
    return [key["AccessKeyId"] for key in iam.list_access_keys(**asked)["AccessKeyMetadata"]]


def is_let_in(server, key) -> bool:
    """Whether the key's signature holds. Everybody may ask STS who they are."""
    try:
        server.client("sts", key=key).get_caller_identity()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidClientTokenId"
        return False
    return True


def test_a_key_is_made_and_its_secret_told_once(iam, server, clock):
    iam.create_user(UserName="Bob")
    made = iam.create_access_key(UserName="bob")["AccessKey"]
    assert re.fullmatch("AKIA[A-Z2-7]{16}", made["AccessKeyId"])
    assert len(made["SecretAccessKey"]) == 40
    shown = {
        "UserName": "Bob",
        "AccessKeyId": made["AccessKeyId"],
        "Status": "Active",
        "CreateDate": clock.now.replace(microsecond=0),
    }
    assert made == shown | {"SecretAccessKey": made["SecretAccessKey"]}
    listed = iam.list_access_keys(UserName="BOB")
    assert plain(listed) == {"AccessKeyMetadata": [shown], "IsTruncated": False}
    bob = server.client("sts", key=(made["AccessKeyId"], made["SecretAccessKey"]))
    assert bob.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/Bob"


def test_the_secret_is_neither_in_the_audit_nor_in_the_database(iam, server, settings):
    _, secret = a_user(iam, "bob")
    files = [path for path in settings["data_dir"].rglob("*") if path.is_file()]
    texts = {path.name: path.read_bytes() for path in files}
    assert b'"CreateAccessKey"' in texts["audit.jsonl"]
    assert [name for name, text in texts.items() if secret.encode() in text] == []


def test_a_user_has_two_keys_at_most(iam):
    first, _ = a_user(iam, "bob")
    iam.create_access_key(UserName="bob")
    quota = over_quota("AccessKeysPerUser", 2)
    assert refusal(iam.create_access_key, UserName="bob") == quota
    iam.update_access_key(UserName="bob", AccessKeyId=first, Status="Inactive")
    assert refusal(iam.create_access_key, UserName="bob") == quota, "an inactive one counts"
    iam.delete_access_key(UserName="bob", AccessKeyId=first)
    iam.create_access_key(UserName="bob")
    assert len(key_ids(iam, UserName="bob")) == 2


def test_keys_are_listed_oldest_first_page_by_page(iam, clock):
    for name in ("ann", "bob", "carl", "dora", "emil", "fred", "gina", "hans"):
        iam.create_user(UserName=name)
        made = []
        for _ in range(2):
            made.append(iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"])
            clock.advance(milliseconds=1)
        assert key_ids(iam, UserName=name) == made
        found = pages(iam.list_access_keys, "AccessKeyMetadata", 1, UserName=name)
        assert [[key["AccessKeyId"] for key in page] for page in found] == [[made[0]], [made[1]]]


def test_a_key_rests_and_works_again(iam, server):
    key = a_user(iam, "bob")
    assert is_let_in(server, key)
    for status in ("Inactive", "Active"):
        answer = iam.update_access_key(UserName="bob", AccessKeyId=key[0], Status=status)
        assert plain(answer) == {}
        assert iam.list_access_keys(UserName="bob")["AccessKeyMetadata"][0]["Status"] == status
        assert is_let_in(server, key) is (status == "Active")


def test_no_key_is_made_to_expire(iam, server):
    key = a_user(iam, "bob")
    asked = {"UserName": "bob", "AccessKeyId": key[0], "Status": "Expired"}
    status, code, _ = refusal(iam.update_access_key, **asked)
    assert (status, code) == (400, "InvalidInput")
    assert is_let_in(server, key)


def test_a_deleted_key_is_gone(iam, server):
    key = a_user(iam, "bob")
    assert plain(iam.delete_access_key(UserName="bob", AccessKeyId=key[0])) == {}
    assert not is_let_in(server, key)
    assert key_ids(iam, UserName="bob") == []
    asked = {"UserName": "bob", "AccessKeyId": key[0]}
    assert refusal(iam.delete_access_key, **asked) == no_key(key[0])
    assert refusal(iam.update_access_key, Status="Active", **asked) == no_key(key[0])


def test_keys_of_others_are_not_found(iam, server):
    anns, _ = a_user(iam, "ann")
    a_user(iam, "bob")
    other = server.client("iam", key=server.account(OTHER_ACCOUNT))
    other.create_user(UserName="ann")
    for client, asked in ((iam, {"UserName": "bob"}), (iam, {}), (other, {"UserName": "ann"}), (other, {})):
        for key_id in (anns, UNKNOWN_KEY):
            given = asked | {"AccessKeyId": key_id}
            assert refusal(client.delete_access_key, **given) == no_key(key_id)
            assert refusal(client.update_access_key, Status="Inactive", **given) == no_key(key_id)
    assert key_ids(iam, UserName="ann") == [anns]


def test_nobody_who_is_not_there_has_keys(iam):
    for ask, given in (
        (iam.create_access_key, {}),
        (iam.list_access_keys, {}),
        (iam.update_access_key, {"AccessKeyId": UNKNOWN_KEY, "Status": "Active"}),
        (iam.delete_access_key, {"AccessKeyId": UNKNOWN_KEY}),
    ):
        assert refusal(ask, UserName="Nobody", **given) == no_such("user", "Nobody")


def test_who_names_nobody_changes_keys_of_their_own(iam, server):
    own = allow("iam:*AccessKey*", f"arn:aws:iam::{ACCOUNT}:user/team/${{aws:username}}")
    key = a_user(iam, "bob", own, Path="/team/")
    bob = server.client("iam", key=key)
    made = bob.create_access_key()["AccessKey"]
    assert made["UserName"] == "bob"
    assert set(key_ids(bob)) == {key[0], made["AccessKeyId"]}
    bob.update_access_key(AccessKeyId=key[0], Status="Inactive")
    new = server.client("iam", key=(made["AccessKeyId"], made["SecretAccessKey"]))
    new.delete_access_key(AccessKeyId=key[0])
    assert key_ids(new) == [made["AccessKeyId"]]

    a_user(iam, "ann")
    resource = f"arn:aws:iam::{ACCOUNT}:user/ann"
    refused = denied(f"arn:aws:iam::{ACCOUNT}:user/team/bob", "iam:CreateAccessKey", resource)
    assert refusal(new.create_access_key, UserName="ann") == refused


def test_a_key_can_delete_itself(iam, server):
    key = a_user(iam, "bob", allow("iam:DeleteAccessKey"))
    server.client("iam", key=key).delete_access_key(AccessKeyId=key[0])
    assert not is_let_in(server, key)


def test_the_root_has_keys_like_a_user_without_a_name(iam, server):
    (given,) = iam.list_access_keys()["AccessKeyMetadata"]
    assert given.keys() == {"AccessKeyId", "Status", "CreateDate"}
    assert given["AccessKeyId"] == ROOT[0]

    made = iam.create_access_key()["AccessKey"]
    key = made["AccessKeyId"], made["SecretAccessKey"]
    assert made.keys() == {"AccessKeyId", "Status", "CreateDate", "SecretAccessKey"}
    assert refusal(iam.create_access_key) == over_quota("AccessKeysPerUser", 2)
    arn = server.client("sts", key=key).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:root"

    iam.update_access_key(AccessKeyId=key[0], Status="Inactive")
    assert not is_let_in(server, key)
    iam.update_access_key(AccessKeyId=key[0], Status="Active")
    iam.delete_access_key(AccessKeyId=key[0])
    assert not is_let_in(server, key)
    assert key_ids(iam) == [ROOT[0]]


def test_a_session_of_a_role_must_say_whose_keys(server):
    session = server.client("iam", key=a_session(server, allow("iam:*")))
    for ask, given in (
        (session.create_access_key, {}),
        (session.list_access_keys, {}),
        (session.update_access_key, {"AccessKeyId": UNKNOWN_KEY, "Status": "Active"}),
        (session.delete_access_key, {"AccessKeyId": UNKNOWN_KEY}),
    ):
        assert refusal(ask, **given) == NAMELESS
    assert len(key_ids(session, UserName="assumer")) == 1


def test_a_renamed_user_keeps_its_keys(iam, server):
    key = a_user(iam, "bob")
    iam.update_user(UserName="bob", NewUserName="rob", NewPath="/team/")
    (shown,) = iam.list_access_keys(UserName="rob")["AccessKeyMetadata"]
    assert (shown["UserName"], shown["AccessKeyId"]) == ("rob", key[0])
    arn = server.client("sts", key=key).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:user/team/rob"


def test_the_model_says_what_a_key_id_may_be(iam):
    iam.create_user(UserName="bob")
    for key_id in ("AKIA-WITH-A-DASH-000", "x" * 129):
        status, code, _ = refusal(iam.delete_access_key, UserName="bob", AccessKeyId=key_id)
        assert (status, code) == (400, "ValidationError")
