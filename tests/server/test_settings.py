"""Where settings come from, which comes first, and how a wrong one is told."""

from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path

import pytest

from openecr.domain.addresses import Addresses
from openecr.settings import InvalidSettings, Settings


def faults(environ=None, **flags):
    with pytest.raises(InvalidSettings) as told:
        Settings.read(flags, environ or {})
    return told.value.faults


def test_nothing_said_gives_the_defaults():
    settings = Settings.read({}, {})
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 3270, Path("openecr-data"))
    assert (settings.account, settings.region) == ("000000000000", "us-east-1")
    assert not settings.dev
    assert settings.addresses(3270) == Addresses(
        "http://localhost:3270", "http://localhost:3270/public.ecr.aws"
    )


def test_a_flag_counts_more_than_a_variable_and_that_more_than_the_file(tmp_path):
    file = tmp_path / "openecr.toml"
    file.write_text(
        'port = 1\nhost = "::1"\nregion = "eu-west-1"\ndev = true\ntrusted_proxies = ["10.0.0.0/8"]'
    )
    environ = {"OPENECR_PORT": "2", "OPENECR_HOST": "127.0.0.2", "OPENECR_CONFIG": str(file)}
    settings = Settings.read({"port": "3", "host": None}, environ)

    assert (settings.port, settings.host, settings.region) == (3, "127.0.0.2", "eu-west-1")
    assert settings.dev
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"),)
    assert Settings.read({"config": str(file)}, {}).port == 1


def test_quotas_may_be_a_text_or_a_table(tmp_path):
    file = tmp_path / "openecr.toml"
    file.write_text('[quotas]\nrepositories = 5\n"ecr-public.repositories" = 7')
    expected = {"repositories": 5, "ecr-public.repositories": 7}
    assert Settings.read({"config": str(file)}, {}).quotas == expected
    text = " repositories=5, ecr-public.repositories = 7,"
    assert Settings.read({}, {"OPENECR_QUOTAS": text}).quotas == expected


def test_nobody_is_throttled_unless_that_is_wanted(tmp_path):
    assert not Settings.read({}, {}).throttling
    file = tmp_path / "openecr.toml"
    file.write_text("throttling = true\n[rates]\nPutImage = 20\n'ecr-public.AnonymousPull' = 0.5")
    read = Settings.read({"config": str(file)}, {})
    assert read.throttling
    assert read.rates == {"PutImage": 20, "ecr-public.AnonymousPull": 0.5}


def test_an_empty_variable_says_nothing():
    assert Settings.read({}, {"OPENECR_PORT": ""}).port == 3270


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENECR_PORT", "65536"),
        ("OPENECR_PORT", "-1"),
        ("OPENECR_PORT", "http"),
        ("OPENECR_ACCOUNT", "12345678901"),
        ("OPENECR_ACCOUNT", "١٢٣٤٥٦٧٨٩٠١٢"),
        ("OPENECR_REGION", "Europe"),
        ("OPENECR_WORKERS", "0"),
        ("OPENECR_WORKERS", "65"),
        ("OPENECR_DEV", "perhaps"),
        ("OPENECR_JOB_LEASE_SECONDS", "0"),
        ("OPENECR_JOB_LEASE_SECONDS", "3601"),
        ("OPENECR_SCRUB_BYTES_PER_SECOND", "65535"),
        ("OPENECR_SCRUB_BYTES_PER_SECOND", "1000000000"),
        ("OPENECR_SCRUB_DAYS", "-1"),
        ("OPENECR_SCRUB_DAYS", "366"),
        ("OPENECR_LOG_FORMAT", "xml"),
        ("OPENECR_EXTERNAL_URL", "localhost:3270"),
        ("OPENECR_EXTERNAL_URL", "http://example/registry"),
        ("OPENECR_PUBLIC_EXTERNAL_URL", "http://{account}.example"),
        ("OPENECR_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("OPENECR_OUTBOUND_NETWORKS", "10.0.0.0/33"),
        ("OPENECR_OIDC_KEYS", "/keys.json"),
        ("OPENECR_OIDC_KEYS", "=/keys.json"),
        ("OPENECR_OIDC_KEYS", "https://issuer.example="),
        ("OPENECR_OIDC_KEYS", "http://issuer.example=/keys.json"),
        ("OPENECR_OIDC_KEYS", "https://user@issuer.example=/keys.json"),
        ("OPENECR_OIDC_KEYS", "https://issuer.example/?a=/keys.json"),
        ("OPENECR_OIDC_KEYS", "https://issuer.example=/a,issuer.example/=/b"),
        ("OPENECR_QUOTAS", "repositories"),
        ("OPENECR_QUOTAS", "repositories=0"),
        ("OPENECR_QUOTAS", "repositories=1000000000"),
        ("OPENECR_QUOTAS", "repositories=many"),
        ("OPENECR_QUOTAS", "colours=3"),
        ("OPENECR_QUOTAS", "ecr-public.sessions=3"),
        ("OPENECR_QUOTAS", "repositories=3,repositories=4"),
        ("OPENECR_RATES", "PutImage"),
        ("OPENECR_RATES", "PutImage=0"),
        ("OPENECR_RATES", "PutImage=-1"),
        ("OPENECR_RATES", "PutImage=1e3"),
        ("OPENECR_RATES", "PutImage=1000000"),
        ("OPENECR_RATES", "ecr.AnonymousPull=3"),
        ("OPENECR_RATES", "DescribeImages=3"),
        ("OPENECR_RATES", "PutImage=1,PutImage=2"),
        ("OPENECR_DATABASE_URL", "sqlite://elsewhere/x"),
        ("OPENECR_DATABASE_URL", "mysql:///x"),
    ],
)
def test_a_wrong_value_is_told_with_the_name_of_its_setting(variable, value):
    [fault] = faults({variable: value})
    assert fault.startswith(f"{variable}: ")
    assert value in fault


def test_everything_that_is_wrong_is_told_at_once(tmp_path):
    file = tmp_path / "openecr.toml"
    file.write_text("workers = 1000\ncolour = 'red'")
    told = faults({"OPENECR_ACCOUNT": "x"}, port="y", config=str(file))
    assert [fault.split(":")[0] for fault in told] == [
        str(file),
        "--port",
        "workers in the configuration file",
        "OPENECR_ACCOUNT",
    ]


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "broken.toml").write_text("port =")
    assert "No such file" in faults(config=str(tmp_path / "none.toml"))[0]
    assert "broken.toml" in faults(config=str(tmp_path / "broken.toml"))[0]


def test_secrets_are_told_by_nobody():
    environ = {
        "OPENECR_ROOT_ACCESS_KEY_ID": "AKIA",
        "OPENECR_ROOT_SECRET_ACCESS_KEY": "hush",
        "OPENECR_MASTER_KEY": "shh",
        "OPENECR_NEW_MASTER_KEY": "quiet",
    }
    shown = repr(Settings.read({}, environ))
    for secret in ("hush", "shh", "quiet"):
        assert secret not in shown


# Settings that contradict each other.


@pytest.mark.parametrize(
    ("variable", "least", "most"),
    [
        ("OPENECR_JOB_LEASE_SECONDS", 1, 3600),
        ("OPENECR_SCRUB_BYTES_PER_SECOND", 65_536, 999_999_999),
        ("OPENECR_SCRUB_DAYS", 0, 365),
    ],
)
def test_a_number_may_stand_on_its_bounds(variable, least, most):
    for number in (least, most):
        settings = Settings.read({}, {variable: str(number)})
        assert getattr(settings, variable.removeprefix("OPENECR_").lower()) == number


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "registry.example"])
def test_dev_is_refused_where_others_could_reach_it(host):
    assert faults(host=host, dev=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_dev_is_allowed_on_a_loopback_address(host):
    assert Settings.read({"host": host, "dev": True}, {}).dev


def test_half_a_root_key_is_refused():
    assert faults({"OPENECR_ROOT_ACCESS_KEY_ID": "AKIA"})
    assert faults({"OPENECR_ROOT_SECRET_ACCESS_KEY": "secret"})


def test_a_new_master_key_is_refused_where_the_old_one_is_in_a_file():
    assert faults({"OPENECR_NEW_MASTER_KEY": "01" * 32})


def test_placeholders_need_a_public_address():
    private = {"OPENECR_EXTERNAL_URL": "http://{account}.dkr.ecr.{region}.localhost:3270/"}
    assert faults(private)
    settings = Settings.read(
        {}, private | {"OPENECR_PUBLIC_EXTERNAL_URL": "http://public.ecr.localhost:3270"}
    )
    assert settings.addresses(3270).public_host == "public.ecr.localhost"


def test_a_key_needs_its_certificate():
    assert faults({"OPENECR_TLS_KEY": "/key.pem"})


def test_as_the_request_came_goes_for_both_addresses():
    assert Settings.read({}, {"OPENECR_EXTERNAL_URL": "host"}).addresses(1) == Addresses("host", "host")


def test_the_address_shown_is_one_to_reach_it():
    assert Settings.read({"host": "0.0.0.0"}, {}).local_url(1) == "http://localhost:1"
    assert Settings.read({"host": "192.168.1.1"}, {}).local_url(1) == "http://192.168.1.1:1"
    assert Settings.read({"host": "fd00::1"}, {}).local_url(1) == "http://[fd00::1]:1"
    assert Settings.read({}, {"OPENECR_TLS_CERTIFICATE": "/c"}).local_url(1) == "https://localhost:1"


def test_where_things_are_kept():
    settings = Settings.read({"data_dir": "/data"}, {})
    assert (settings.database_path, settings.blob_root) == (Path("/data/openecr.sqlite3"), Path("/data"))
    environ = {"OPENECR_DATABASE_URL": "sqlite:///var/my%20db", "OPENECR_BLOB_URL": "file:///blobs"}
    settings = Settings.read({}, environ)
    assert (settings.database_path, settings.blob_root) == (Path("/var/my db"), Path("/blobs"))


def test_key_sets_of_issuers_may_be_files(tmp_path):
    settings = Settings.read(
        {}, {"OPENECR_OIDC_KEYS": "https://a.example/id/X=/keys/a=b.json, b.example:8443/=/b.json,"}
    )
    assert settings.oidc_keys == {
        "a.example/id/X": Path("/keys/a=b.json"),
        "b.example:8443": Path("/b.json"),
    }
    file = tmp_path / "openecr.toml"
    file.write_text('oidc_keys = ["a.example=/a", "b.example=/b"]')
    assert Settings.read({"config": str(file)}, {}).oidc_keys == {
        "a.example": Path("/a"),
        "b.example": Path("/b"),
    }
    assert Settings.read({}, {}).oidc_keys == {}


def test_nothing_of_our_network_may_be_asked_unless_that_is_said():
    assert (Settings.read({}, {}).outbound_networks, Settings.read({}, {}).outbound_ca_file) == ((), None)
    said = {"OPENECR_OUTBOUND_NETWORKS": "10.96.0.0/12, fd00::/8", "OPENECR_OUTBOUND_CA_FILE": "/ca.pem"}
    settings = Settings.read({}, said)
    assert settings.outbound_networks == (ip_network("10.96.0.0/12"), ip_network("fd00::/8"))
    assert settings.outbound_ca_file == Path("/ca.pem")


def test_what_is_not_there_yet_is_told():
    assert "not support" in faults({"OPENECR_DATABASE_URL": "postgresql://host/db"})[0]
    assert "not support" in faults({"OPENECR_BLOB_URL": "s3://bucket"})[0]


def test_every_setting_has_its_sentence():
    for each in fields(Settings):
        assert each.metadata["sentence"].endswith(".")
