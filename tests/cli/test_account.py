"""`openecr account`: accounts are made and listed beside the server."""

import pytest
from botocore.exceptions import ClientError

from tests.cli.commands import openecr, serving
from tests.every_operation.principals import a_user, allow

DEFAULT = "000000000000"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("installation") / "data"
    with serving("--data-dir", data) as server:
        server.data = data
        yield server


def create(server, *arguments):
    """The number and the root key of a new account, as they were printed."""
    ended = openecr("account", "create", "--data-dir", server.data, *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    number, _role, key_id, secret = ended.stdout.splitlines()
    return number.removeprefix("account "), (
        key_id.removeprefix("export AWS_ACCESS_KEY_ID="),
        secret.removeprefix("export AWS_SECRET_ACCESS_KEY="),
    )


def test_the_key_of_a_new_account_works_at_once_and_its_repositories_are_its_own(server):
    number, key = create(server, "--name", "staging")
    server.client(server.key).create_repository(repositoryName="team/app")

    assert server.repositories(key) == []
    server.client(key).create_repository(repositoryName="team/app")

    assert server.repositories(key) == [f"arn:aws:ecr:us-east-1:{number}:repository/team/app"]
    assert server.repositories(server.key) == [f"arn:aws:ecr:us-east-1:{DEFAULT}:repository/team/app"]


def test_an_administrator_of_the_default_account_may_enter_by_a_role(server):
    ended = openecr("account", "create", "--account", "222233334444", "--data-dir", server.data)
    role = ended.stdout.splitlines()[1].removeprefix("role ")
    assert role == "arn:aws:iam::222233334444:role/OrganizationAccountAccessRole"
    admin = a_user(server.client(server.key, "iam"), "admin")
    asked = {"RoleArn": role, "RoleSessionName": "admin"}
    with pytest.raises(ClientError, match="no identity-based policy allows the sts:AssumeRole action"):
        server.client(admin.key, "sts").assume_role(**asked)

    admin.may(allow("sts:AssumeRole", role))
    made = server.client(admin.key, "sts").assume_role(**asked)["Credentials"]

    session = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    server.client(session).create_repository(repositoryName="entered")
    assert server.repositories(session) == ["arn:aws:ecr:us-east-1:222233334444:repository/entered"]


def test_accounts_are_listed_with_their_names(server):
    create(server, "--name", "of the list", "--account", "111122223333")
    nameless, _ = create(server)

    ended = openecr("account", "list", "--data-dir", server.data)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert {f"{DEFAULT}  default", "111122223333  of the list", nameless} <= set(ended.stdout.splitlines())


@pytest.mark.parametrize(
    ("number", "complaint"),
    [
        (DEFAULT, f"There is an account {DEFAULT} already."),
        ("12345678901", "The number of an account has 12 digits."),
    ],
)
def test_a_number_that_is_taken_or_is_none_is_refused(server, number, complaint):
    ended = openecr("account", "create", "--account", number, "--data-dir", server.data)

    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"openecr: {complaint}\n")


def test_with_another_master_key_no_account_is_made(server):
    before = openecr("account", "list", "--data-dir", server.data).stdout
    ended = openecr("account", "create", "--data-dir", server.data, OPENECR_MASTER_KEY="01" * 32)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "openecr: the secrets in this data directory were sealed with another master key\n"
    assert openecr("account", "list", "--data-dir", server.data).stdout == before


def test_a_list_of_nothing_makes_no_database(tmp_path):
    ended = openecr("account", "list", "--data-dir", tmp_path / "data")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"openecr: There is no database {tmp_path}/data/openecr.sqlite3.\n"
    assert list(tmp_path.iterdir()) == []


def test_an_account_may_be_made_before_the_first_start(tmp_path):
    made = openecr("account", "create", "--name", "early", "--account", "1" * 12, "--data-dir", tmp_path)

    listed = openecr("account", "list", "--data-dir", tmp_path)

    assert (made.returncode, listed.stdout) == (0, f"{'1' * 12}  early\n")
    # Nobody is there yet to administer it: not even an account that the environment names.
    assert [line.split()[0] for line in made.stdout.splitlines()] == ["account", "export", "export"]
    assert "no administrator role" in made.stderr


def test_only_an_account_that_is_there_may_administer_another(server):
    before = openecr("account", "list", "--data-dir", server.data).stdout
    ended = openecr("account", "create", "--data-dir", server.data, OPENECR_ACCOUNT="999988887777")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("openecr: There is no account 999988887777 to administer the new one")
    assert openecr("account", "list", "--data-dir", server.data).stdout == before


@pytest.mark.parametrize("command", [("account", "create"), ("serve", "--port", "0")])
def test_without_the_server_s_master_key_none_is_made(tmp_path, command):
    openecr("account", "create", "--data-dir", tmp_path, OPENECR_MASTER_KEY="01" * 32)

    ended = openecr(*command, "--data-dir", tmp_path)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(
        f"openecr: There is no {tmp_path}/master.key, and the database has secrets"
    )
    assert not (tmp_path / "master.key").exists()
