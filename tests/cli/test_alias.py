"""`openecr alias`, `openecr account verify`: public registries are given names beside the server."""

import io
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

import pytest

from openecr.cli import main
from tests.cli.commands import openecr, serving

DEFAULT = "000000000000"
OTHER = "111122223333"


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("installation") / "data"
    with serving("--data-dir", data) as server:
        server.data = data
        server.ecr_public = server.client(server.key, "ecr-public")
        openecr("account", "create", "--account", OTHER, "--data-dir", data)
        yield server


@pytest.fixture
def default(server):
    """The default alias of the default account, which has no other."""
    if not server.ecr_public.describe_repositories()["repositories"]:
        server.ecr_public.create_repository(repositoryName="tools")
    for name in aliases(server):
        alias("remove", name, on=server)
    (name,) = aliases(server)
    return name


def alias(*arguments, on):
    return typed("alias", *arguments, "--data-dir", on.data)


def typed(*arguments):
    """The command in this process, which takes a tenth of the time: its code, output and complaints."""
    with (
        redirect_stdout(io.StringIO()) as output,
        redirect_stderr(io.StringIO()) as complaints,
        pytest.raises(SystemExit) as ended,
    ):
        main([str(argument) for argument in arguments])
    return Ended(ended.value.code, output.getvalue(), complaints.getvalue())


def did(*arguments, on):
    """What it printed."""
    ended = alias(*arguments, on=on)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def complaint(*arguments, on):
    ended = alias(*arguments, on=on)
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr.removeprefix("openecr: ").removesuffix("\n")


def registry(server):
    (found,) = server.ecr_public.describe_registries()["registries"]
    return found


def aliases(server):
    """Name → (is primary, is default)."""
    return {
        each["name"]: (each["primaryRegistryAlias"], each["defaultRegistryAlias"])
        for each in registry(server)["aliases"]
    }


def repository_uri(server):
    (found,) = server.ecr_public.describe_repositories(repositoryNames=["tools"])["repositories"]
    return found["repositoryUri"]


def test_an_alias_works_at_once_and_the_primary_one_is_shown(server, default):
    before = repository_uri(server)
    assert did("add", "acme", on=server) == f"{DEFAULT}  {default}  primary  default\n{DEFAULT}  acme\n"
    assert aliases(server) == {default: (True, True), "acme": (False, False)}
    assert {each["status"] for each in registry(server)["aliases"]} == {"ACTIVE"}
    assert repository_uri(server) == before

    assert did("primary", "acme", on=server) == f"{DEFAULT}  acme  primary\n{DEFAULT}  {default}  default\n"
    assert aliases(server) == {default: (False, True), "acme": (True, False)}
    assert repository_uri(server) == before.replace(default, "acme")
    assert registry(server)["registryUri"] == repository_uri(server).removesuffix("/tools")
    for name in (default, "acme"):
        assert server.ecr_public.batch_check_layer_availability(
            registryId=name, repositoryName="tools", layerDigests=["sha256:" + "0" * 64]
        )["layers"]

    assert did("list", on=server) == f"{DEFAULT}  acme  primary\n{DEFAULT}  {default}  default\n"
    assert did("remove", "acme", on=server) == f"{DEFAULT}  {default}  primary  default\n"
    assert repository_uri(server) == before


def test_one_command_gives_a_name_and_shows_it(server, default):
    told = did("add", "acme", "--primary", on=server)
    assert told == f"{DEFAULT}  acme  primary\n{DEFAULT}  {default}  default\n"
    assert did("add", "ac", on=server) == told + f"{DEFAULT}  ac\n"


def test_who_has_an_alias_and_no_repository_yet_gets_a_default_one_with_the_first(server):
    assert did("add", "others", "--account", OTHER, on=server) == f"{OTHER}  others  primary\n"
    assert did("add", "more", "--account", OTHER, on=server).splitlines()[1] == f"{OTHER}  more"
    assert did("remove", "others", on=server) == f"{OTHER}  more  primary\n"
    assert did("remove", "more", on=server) == ""


def test_a_name_that_is_taken_is_refused(server, default):
    taken = f"The alias {default} is that of account {DEFAULT} already."
    for account in (DEFAULT, OTHER):
        assert complaint("add", default, "--account", account, on=server) == taken


def test_a_name_of_another_form_is_refused(server):
    for name in ("a", "a" * 51, "Acme", "acme-", "1acme"):
        assert "2 to 50 lower-case letters" in complaint("add", name, on=server)


def test_a_reserved_word_needs_to_be_forced(server, default):
    assert "The word aws says" in complaint("add", "aws-tools", on=server)
    assert f"{DEFAULT}  aws-tools\n" in did("add", "aws-tools", "--force", on=server)


def test_the_default_alias_stays(server, default):
    stays = f"The alias {default} is the default one of account {DEFAULT}, which stays."
    assert complaint("remove", default, on=server) == stays


def test_what_is_not_there_is_told(server, tmp_path):
    for what in ("remove", "primary"):
        assert complaint(what, "nobodys", on=server) == "There is no alias nobodys."
    missing = "There is no account 999999999999."
    assert complaint("add", "acme", "--account", "999999999999", on=server) == missing
    for command in (("alias", "list"), ("account", "verify", DEFAULT)):
        ended = typed(*command, "--data-dir", tmp_path)
        assert ended.stderr == f"openecr: There is no database {tmp_path}/openecr.sqlite3.\n"
        assert list(tmp_path.iterdir()) == []


def test_a_publisher_is_verified_when_somebody_vouches_for_it(server):
    assert registry(server)["verified"] is False
    for what, told, is_verified in (("verify", "verified", True), ("unverify", "not verified", False)):
        ended = typed("account", what, DEFAULT, "--data-dir", server.data)
        assert (ended.returncode, ended.stdout) == (0, f"{DEFAULT}  {told}\n")
        assert registry(server)["verified"] is is_verified
    server.ecr_public.put_registry_catalog_data(displayName="The tool makers")
    typed("account", "verify", DEFAULT, "--data-dir", server.data)
    answer = server.ecr_public.get_registry_catalog_data()
    assert answer["registryCatalogData"] == {"displayName": "The tool makers"}
    assert registry(server)["verified"] is True

    ended = typed("account", "verify", "999999999999", "--data-dir", server.data)
    assert (ended.returncode, ended.stderr) == (2, "openecr: There is no account 999999999999.\n")
