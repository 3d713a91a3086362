"""`openecr revoke`: what somebody was given ends at once, beside the server; what they may get does not."""

from contextlib import ExitStack, closing
from http.client import HTTPConnection

import pytest

from tests.cli.commands import children, openecr, serving
from tests.cli.owners import owners_of
from tests.every_operation.principals import a_user, allow, policy
from tests.oci.asking import basic

ACCOUNT, OTHER = "000000000000", "111122223333"
CONNECTIONS = 64
"""No more than that until each of two workers has one: the kernel would have to give all to the same."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("installation") / "data"
    with serving("--data-dir", data, "--workers", "2") as server:
        server.data = data
        server.port = int(server.url.rpartition(":")[2])
        yield server


def revoke(server, principal, *more):
    return openecr("revoke", "--principal", principal, "--data-dir", server.data, *more)


def is_let_in(server, password):
    """By every worker: connections are made, and stay open, until each worker has answered on one."""
    workers, answers = children(server.daemon.pid), {}
    assert len(workers) == 2
    with ExitStack() as connections:
        for _ in range(CONNECTIONS):
            if len(answers) == len(workers):
                break
            connection = connections.enter_context(closing(HTTPConnection("127.0.0.1", server.port)))
            connection.request("GET", "/v2/", headers=basic(password))
            status = connection.getresponse().status
            [worker] = owners_of(server, [connection.sock.getsockname()[1]])
            answers[worker] = status
    assert sorted(answers) == workers
    assert set(answers.values()) in ({200}, {403})
    return 200 in answers.values()


def assert_revoked(ended, arn):
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"All sessions and tokens that {arn} was given before 20")


@pytest.mark.parametrize("named", [f"arn:aws:iam::{ACCOUNT}:root", "root"])
def test_a_root_s_tokens_end_and_its_key_gets_new_ones(server, named):
    before = server.password(server.key)
    assert is_let_in(server, before)

    assert_revoked(revoke(server, named), f"arn:aws:iam::{ACCOUNT}:root")

    assert not is_let_in(server, before)
    assert is_let_in(server, server.password(server.key))


def test_a_user_s_tokens_and_a_role_s_sessions_end_each_by_its_own_arn(server):
    iam = server.client(server.key, "iam")
    user = a_user(iam, "ci", Path="/team/")
    user.may(allow("ecr:*", "*"))
    trust = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="deploy", PolicyName="may", PolicyDocument=policy(allow("ecr:*", "*")))
    made = server.client(user.key, "sts").assume_role(RoleArn=role, RoleSessionName="monday")["Credentials"]
    session = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    of_user, of_session = server.password(user.key), server.password(session)
    assert server.repositories(session) == []

    assert_revoked(revoke(server, "user/team/ci"), user.arn)

    assert not is_let_in(server, of_user)
    assert is_let_in(server, of_session)
    assert server.repositories(user.key) == []

    assert_revoked(revoke(server, role), role)

    assert not is_let_in(server, of_session)
    client = server.client(session)
    with pytest.raises(client.exceptions.ClientError, match="The security token included in the request"):
        client.describe_repositories()


def test_the_account_may_be_named_beside_the_principal(server):
    made = openecr("account", "create", "--account", OTHER, "--data-dir", server.data).stdout.splitlines()
    key = tuple(line.partition("=")[2] for line in made[-2:])
    of_other, of_default = server.password(key), server.password(server.key)

    assert_revoked(revoke(server, "root", "--account", OTHER), f"arn:aws:iam::{OTHER}:root")

    assert not is_let_in(server, of_other)
    assert is_let_in(server, of_default)


@pytest.mark.parametrize(
    ("principal", "arn"),
    [
        ("user/nobody", f"arn:aws:iam::{ACCOUNT}:user/nobody"),
        ("arn:aws:iam::999999999999:root", "arn:aws:iam::999999999999:root"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/monday",) * 2,
        ("", f"arn:aws:iam::{ACCOUNT}:"),
    ],
)
def test_who_is_not_there_is_told(server, principal, arn):
    ended = revoke(server, principal)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"openecr: There is no user, role or root {arn}. (To end a session, name its role or user.)\n"
    )


def test_where_nothing_is_nothing_is_made(tmp_path):
    ended = openecr("revoke", "--principal", "root", "--data-dir", tmp_path / "data")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"openecr: There is no database {tmp_path}/data/openecr.sqlite3.\n"
    assert list(tmp_path.iterdir()) == []
