"""`openecr serve`: what it prints, where its settings come from, what it refuses, how it ends."""

import os
import signal
import socket

import pytest

from tests.cli.commands import openecr, serving

KEY = ("AKIAKEYOFTHETESTS000", "a-secret-that-the-tests-of-the-command-line-know")
KEY_VARIABLES = {"OPENECR_ROOT_ACCESS_KEY_ID": KEY[0], "OPENECR_ROOT_SECRET_ACCESS_KEY": KEY[1]}
SECRET_LINE = "export AWS_SECRET_ACCESS_KEY="


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def test_a_first_start_prints_where_it_is_what_to_paste_and_at_last_ready(data):
    with serving("--data-dir", data) as server:
        port = server.url.rpartition(":")[2]
        key_id, secret = server.key

        assert server.lines == [
            "",
            f"address         http://localhost:{port}",
            f"data directory  {data}",
            "",
            "The root key is new. Its secret is shown this once:",
            "",
            f"export AWS_ENDPOINT_URL_ECR=http://localhost:{port}",
            f"export AWS_ENDPOINT_URL_ECR_PUBLIC=http://localhost:{port}",
            f"export AWS_ENDPOINT_URL_STS=http://localhost:{port}",
            f"export AWS_ENDPOINT_URL_IAM=http://localhost:{port}",
            f"export AWS_ACCESS_KEY_ID={key_id}",
            f"export AWS_SECRET_ACCESS_KEY={secret}",
            "export AWS_REGION=us-east-1",
            "export AWS_DEFAULT_REGION=us-east-1",
            "",
            f"ready: http://localhost:{port}",
        ]
        assert int(port) > 0
        assert server.repositories((key_id, secret)) == []


def test_the_secret_is_shown_once_and_its_key_stays(data):
    with serving("--data-dir", data) as first:
        key = first.key
        first.client(key).create_repository(repositoryName="team/app")

    with serving("--data-dir", data) as second:
        assert not any(key[1] in line or SECRET_LINE in line for line in second.lines)
        assert second.repositories(key) == ["arn:aws:ecr:us-east-1:000000000000:repository/team/app"]


def test_a_root_key_from_the_environment_is_taken_and_its_secret_not_printed(data):
    with serving("--data-dir", data, **KEY_VARIABLES, OPENECR_ACCOUNT="123456789012") as server:
        assert server.exports["AWS_ACCESS_KEY_ID"] == KEY[0]
        assert server.exports["AWS_SECRET_ACCESS_KEY"] == '"$OPENECR_ROOT_SECRET_ACCESS_KEY"'
        server.client(KEY).create_repository(repositoryName="app")
        assert server.repositories(KEY) == ["arn:aws:ecr:us-east-1:123456789012:repository/app"]

    assert not any(KEY[1] in line for line in server.daemon.said)


def test_dev_warns_and_takes_any_credentials(data):
    with serving("--dev", "--data-dir", data) as server:
        assert any("WARNING: --dev" in line for line in server.lines)
        server.client(("anybody", "anything")).create_repository(repositoryName="app")
        server.client(("210987654321", "whatever")).create_repository(repositoryName="app")

        assert server.repositories(("anybody", "?")) == ["arn:aws:ecr:us-east-1:000000000000:repository/app"]


def test_a_flag_goes_before_a_variable_and_a_variable_before_the_file(tmp_path):
    file = tmp_path / "openecr.toml"
    file.write_text('data_dir = "of-the-file"\nregion = "eu-west-1"\nport = 0\naccess_log = true\n')
    variables = {
        "OPENECR_CONFIG": str(file),
        "OPENECR_REGION": "eu-north-1",
        "OPENECR_DATA_DIR": f"{tmp_path}/of-the-variable",
    }

    with serving("--data-dir", tmp_path / "of-the-flag", **variables) as server:
        assert f"data directory  {tmp_path}/of-the-flag" in server.lines
        assert server.exports["AWS_REGION"] == "eu-north-1"
        server.repositories(server.key)

    assert any("request front=aws method=POST" in line for line in server.daemon.said)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["of-the-flag", "openecr.toml"]


def test_an_interrupt_from_the_terminal_ends_it_well_and_silently(data):
    with serving("--data-dir", data) as server:
        os.kill(server.daemon.pid, signal.SIGINT)
        ended = os.waitid(os.P_PID, server.daemon.pid, os.WEXITED | os.WNOWAIT)

    assert (ended.si_code, ended.si_status) == (os.CLD_EXITED, 0)
    assert server.daemon.said[-1].startswith("ready: ")


# Refusals: one clear line, exit code 2, nothing done.


@pytest.mark.parametrize(
    ("flags", "variables", "complaint"),
    [
        (
            ["--dev", "--host", "0.0.0.0"],
            {},
            "--dev takes any credentials, so it needs a loopback address; --host is '0.0.0.0'",
        ),
        (["--port", "65536"], {}, "--port: '65536' must be a number from 0 to 65535"),
        (["--workers", "0"], {}, "--workers: '0' must be a number from 1 to 64"),
        ([], {"OPENECR_ACCOUNT": "12345"}, "OPENECR_ACCOUNT: '12345' must be 12 digits"),
        (
            [],
            {"OPENECR_ROOT_ACCESS_KEY_ID": KEY[0]},
            "OPENECR_ROOT_ACCESS_KEY_ID and OPENECR_ROOT_SECRET_ACCESS_KEY: one needs the other",
        ),
        (
            [],
            {"OPENECR_EXTERNAL_URL": "https://{account}.dkr.ecr.{region}.example.com"},
            "OPENECR_PUBLIC_EXTERNAL_URL: must be set where OPENECR_EXTERNAL_URL has placeholders",
        ),
        ([], {"OPENECR_TLS_KEY": "key.pem"}, "OPENECR_TLS_KEY: needs OPENECR_TLS_CERTIFICATE"),
        (
            [],
            {"OPENECR_DATABASE_URL": "postgresql://db/openecr"},
            "OPENECR_DATABASE_URL: 'postgresql://db/openecr' names postgresql, "
            "which openecr does not support yet",
        ),
        (["--config", "/no/such.toml"], {}, "/no/such.toml: No such file or directory"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(data, flags, variables, complaint):
    ended = openecr("serve", "--port", "0", "--data-dir", data, *flags, **variables)

    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"openecr: {complaint}\n")
    assert not data.exists()


def test_every_fault_of_the_settings_has_its_line(data):
    ended = openecr("serve", "--port", "-1", "--data-dir", data, OPENECR_ACCOUNT="0", OPENECR_REGION="Oz")

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 3


def test_a_secret_is_not_repeated_in_a_complaint(data):
    ended = openecr("serve", "--port", "0", "--data-dir", data, OPENECR_MASTER_KEY="not-quite-hexadecimal")

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "not-quite-hexadecimal" not in ended.stderr


def test_a_port_in_use_is_refused(data):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        ended = openecr("serve", "--port", port, "--data-dir", data)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"openecr: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    assert not data.exists()


def test_another_master_key_than_the_first_is_refused(data):
    with serving("--data-dir", data, OPENECR_MASTER_KEY="01" * 32):
        pass

    ended = openecr("serve", "--port", "0", "--data-dir", data, OPENECR_MASTER_KEY="23" * 32)

    complaint = "openecr: the secrets in this data directory were sealed with another master key\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", complaint)


@pytest.mark.parametrize("arguments", [(), ("sreve",), ("serve", "--prot", "1")])
def test_what_is_no_command_gets_the_usage(arguments):
    ended = openecr(*arguments)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("usage: openecr ")


def test_help_lists_every_setting():
    ended = openecr("serve", "--help")

    assert (ended.returncode, ended.stderr) == (0, "")
    for setting in ["--dev", "--workers", "--config", "OPENECR_EXTERNAL_URL", "OPENECR_TLS_CERTIFICATE"]:
        assert setting in ended.stdout
