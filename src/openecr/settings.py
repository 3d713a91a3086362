"""Every setting: its name, type, default, and one sentence. Read once, at start, by `server` and `cli`.

A setting comes from a flag (`--data-dir`), else from the environment (`OPENECR_DATA_DIR`), else from the
TOML file that `--config` or OPENECR_CONFIG names (`data_dir = "…"`), else it has its default. A new
one: a field here; a flag, if it needs one, in `cli/serve.py`.

Plain Python: pydantic-settings would take a quarter of the second in which the server starts.
"""

# ruff: noqa: RUF009 - `setting` makes a dataclass field

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from openecr.domain import quotas, rates
from openecr.domain.addresses import (
    AS_THE_REQUEST_CAME,
    PUBLIC_PATH,
    Addresses,
    check_external_url,
    check_public_external_url,
    has_placeholders,
)
from openecr.domain.registry import ACCOUNT, REGION

PREFIX = "OPENECR_"
CONFIG = "OPENECR_CONFIG"
MAX_WORKERS = 64
DATABASE_FILE = "openecr.sqlite3"

_ISSUER = re.compile(r"(?:https://)?[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[^\s?#=]*)?")


class InvalidSettings(Exception):
    """The settings cannot be used. One line for each thing that is wrong, naming where it was said."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Fault(ValueError):
    """What is wrong with one value: `must be …`."""


def setting(default: Any, parse: Callable[[str], Any], sentence: str, *, secret: bool = False) -> Any:
    """A field of Settings: how its text is parsed (raises Fault), and what it is for."""
    metadata = {"parse": parse, "sentence": sentence}
    if isinstance(default, dict):  # each has its own
        return field(default_factory=default.copy, repr=not secret, metadata=metadata)
    return field(default=default, repr=not secret, metadata=metadata)


# How a text becomes a value.


def _text(text: str) -> str:
    if not text:
        raise Fault("must not be empty")
    return text


def _path(text: str) -> Path:
    return Path(_text(text)).expanduser()


def _number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise Fault(f"must be a number from {least} to {most}")
        return int(text)

    return parse


def _yes_or_no(text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False}
    known["off"] = False
    if text.lower() not in known:
        raise Fault("must be true or false")
    return known[text.lower()]


def _matching(pattern: re.Pattern[str], claim: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise Fault(claim)
        return text

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    return _matching(re.compile("|".join(choices)), "must be " + " or ".join(choices))


def _url(check: Callable[[str], str | None]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        url = text.rstrip("/")
        fault = check(url)
        if fault is not None:
            raise Fault(f"is no address to give out: {fault}")
        return url

    return parse


def _local(scheme: str, later: str) -> Callable[[str], Path]:
    """The path of a URL of that scheme; other schemes are told apart as not there yet, and unknown."""

    def parse(text: str) -> Path:
        parts = urlsplit(text)
        if parts.scheme == later:
            raise Fault(f"names {later}, which openecr does not support yet")
        if parts.scheme != scheme or parts.netloc or len(parts.path) < 2:
            raise Fault(f"must be of the form {scheme}:///path")
        return Path(unquote(parts.path))

    return parse


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError:
        raise Fault("must be addresses or networks such as 10.0.0.0/8, with commas between") from None


def _key_files(text: str) -> dict[str, Path]:
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    if not all(_ISSUER.fullmatch(issuer) and file.strip() for issuer, _, file in pairs):
        raise Fault("must be pairs such as https://issuer.example/path=/file.json, with commas between")
    files = {issuer.removeprefix("https://").removesuffix("/"): _path(file) for issuer, _, file in pairs}
    if len(files) < len(pairs):
        raise Fault("must name each issuer once")
    return files


def _quotas(text: str) -> dict[str, int]:
    number = _number(1, quotas.MOST)
    parsed: dict[str, int] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, value = map(str.strip, part.partition("="))
        if quotas.kinds_and_name(name) is None:
            raise Fault(f"must be pairs such as repositories=1000, of {', '.join(quotas.NAMES)}")
        if name in parsed:
            raise Fault(f"must name {name} once")
        parsed[name] = number(value)
    return parsed


def _rates(text: str) -> dict[str, float]:
    parsed: dict[str, float] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, value = map(str.strip, part.partition("="))
        if rates.kinds_and_name(name) is None:
            raise Fault(f"must be pairs such as PutImage=20, of {', '.join(rates.NAMES)}")
        if name in parsed:
            raise Fault(f"must name {name} once")
        if not re.fullmatch(r"[0-9]{1,6}(?:\.[0-9]{1,3})?", value) or not float(value):
            raise Fault("must have rates above 0 and below 1000000 a second")
        parsed[name] = float(value)
    return parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    host: str = setting("127.0.0.1", _text, "The address to listen on.")
    port: int = setting(3270, _number(0, 65535), "The port to listen on; 0 takes any free one.")
    data_dir: Path = setting(Path("openecr-data"), _path, "Where everything is kept.")
    workers: int = setting(1, _number(1, MAX_WORKERS), "How many processes answer on the port.")
    dev: bool = setting(False, _yes_or_no, "Take any credentials for the root's; only on a loopback address.")

    account: str = setting("0" * 12, _matching(ACCOUNT, "must be 12 digits"), "The account of the root key.")
    region: str = setting(
        "us-east-1", _matching(REGION, "must be a region such as us-east-1"), "The default region."
    )
    root_access_key_id: str | None = setting(
        None, _text, "The root key of the account; made at the first start if it is not given."
    )
    root_secret_access_key: str | None = setting(None, _text, "Its secret.", secret=True)
    master_key: str | None = setting(
        None,
        _text,
        "64 hexadecimal digits that seal all secrets; else master.key in the data directory.",
        secret=True,
    )
    new_master_key: str | None = setting(
        None, _text, "The key that takes its place, while `openecr rotate-master-key` is run.", secret=True
    )

    external_url: str | None = setting(
        None,
        _url(check_external_url),
        "The address clients reach us at; may hold {account} and {region}; `host`: as the request came.",
    )
    public_external_url: str | None = setting(
        None, _url(check_public_external_url), "The same for public repositories."
    )
    public_strict_region: bool = setting(
        False, _yes_or_no, "Whether the API of ECR Public answers in us-east-1 alone, as AWS's does."
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = setting(
        (), _networks, "Proxies whose X-Forwarded-For, -Proto and -Host are believed."
    )
    tls_certificate: Path | None = setting(
        None, _path, "A PEM file with the certificate and its chain: serve https. Read anew when it changes."
    )
    tls_key: Path | None = setting(None, _path, "The PEM file with its key, if that is another file.")

    oidc_keys: Mapping[str, Path] = setting(
        {}, _key_files, "Key sets of OIDC issuers given as files: ISSUER=FILE, with commas between."
    )
    outbound_networks: tuple[IPv4Network | IPv6Network, ...] = setting(
        (), _networks, "Private networks that we may connect to when we fetch, say, an issuer's keys."
    )
    outbound_ca_file: Path | None = setting(
        None, _path, "A PEM file with authorities that are trusted for that, beside the system's."
    )

    database_url: Path | None = setting(
        None, _local("sqlite", "postgresql"), "sqlite:///path; else a file of the data directory."
    )
    blob_url: Path | None = setting(
        None, _local("file", "s3"), "file:///path; else folders of the data directory."
    )
    archive_blob_url: Path | None = setting(
        None,
        _local("file", "s3"),
        "file:///path where the layers of archived images are put; else they stay.",
    )
    quotas: Mapping[str, int] = setting(
        {},
        _quotas,
        "Quotas other than ECR's: repositories=1000, or for one kind ecr-public.repositories=10; with commas "
        "between.",
    )
    throttling: bool = setting(
        False, _yes_or_no, "Whether calls are refused that come more often than ECR would take them."
    )
    rates: Mapping[str, float] = setting(
        {},
        _rates,
        "How often instead, a second: PutImage=20, or for one kind ecr-public.AnonymousPull=5; with commas "
        "between.",
    )
    jobs: bool = setting(
        True, _yes_or_no, "Whether the server does the work that waits; else `openecr worker` must be run."
    )
    job_lease_seconds: int = setting(
        60, _number(1, 3600), "How soon the job of a worker that died is taken over by another."
    )
    gc_grace_minutes: int = setting(
        1440,
        _number(15, 525_600),
        "How long a blob stays that no image and no push needs any more.",
    )
    pull_time_resolution_minutes: int = setting(
        60, _number(0, 1440), "For how long a recorded pull time stays, though an image is pulled again."
    )
    scrub_bytes_per_second: int = setting(
        16 << 20, _number(65_536, 999_999_999), "How fast stored bytes are read to see if they are damaged."
    )
    scrub_days: int = setting(
        7, _number(0, 365), "How often all of them are, in days; 0: only by `openecr scrub`."
    )
    log_format: str = setting("text", _one_of("text", "json"), "How the log on standard error is written.")
    access_log: bool = setting(False, _yes_or_no, "Whether each request is a line of the log.")

    @property
    def database_path(self) -> Path:
        return self.database_url or self.data_dir / DATABASE_FILE

    @property
    def blob_root(self) -> Path:
        return self.blob_url or self.data_dir

    @property
    def scheme(self) -> str:
        return "http" if self.tls_certificate is None else "https"

    def local_url(self, port: int) -> str:
        """`http://localhost:3270`: where somebody on this machine reaches us."""
        name = "localhost" if self.host in ("127.0.0.1", "::1", "0.0.0.0", "::", "localhost") else self.host
        return f"{self.scheme}://{f'[{name}]' if ':' in name else name}:{port}"

    def addresses(self, port: int) -> Addresses:
        """The addresses to give out, when the port is known."""
        private = self.external_url or self.local_url(port)
        if self.public_external_url is not None:
            return Addresses(private, self.public_external_url)
        if private == AS_THE_REQUEST_CAME:
            return Addresses(private, AS_THE_REQUEST_CAME)
        return Addresses(private, f"{private}/{PUBLIC_PATH}")

    @classmethod
    def read(cls, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """The settings of this start.

        flags    by the names of the fields, and `config`; None stands for a flag that was not given
        environ  os.environ, if nothing else is given
        Raises InvalidSettings
        """
        environ = os.environ if environ is None else environ
        given = {name: value for name, value in (flags or {}).items() if value is not None}
        file, faults = _read_file(given.pop("config", None) or environ.get(CONFIG))
        values: dict[str, Any] = {}
        for each in fields(cls):
            said = _said(each.name, given, environ, file)
            if said is None:
                continue
            where, text = said
            try:
                values[each.name] = each.metadata["parse"](text)
            except Fault as fault:
                shown = "" if not each.repr else f" {text!r}"
                faults.append(f"{where}:{shown} {fault}")
        read = cls(**values)
        faults += _contradictions(read)
        if faults:
            raise InvalidSettings(faults)
        return read


def _said(
    name: str, flags: Mapping[str, Any], environ: Mapping[str, str], file: Mapping[str, Any]
) -> tuple[str, str] | None:
    """Where the setting was said first, and what."""
    if name in flags:
        return "--" + name.replace("_", "-"), _as_text(flags[name])
    variable = PREFIX + name.upper()
    if environ.get(variable):
        return variable, environ[variable]
    return (f"{name} in the configuration file", _as_text(file[name])) if name in file else None


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):  # a table
        return ",".join(f"{name}={_as_text(each)}" for name, each in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _read_file(path: Any) -> tuple[dict[str, Any], list[str]]:
    """What a TOML file says, and what is wrong with that."""
    if path is None:
        return {}, []
    try:
        with open(path, "rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        return {}, [f"{path}: {error.strerror}"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return {}, [f"{path}: {error}"]
    known = {each.name for each in fields(Settings)}
    return values, [f"{path}: there is no setting {name}" for name in values if name not in known]


def _contradictions(settings: Settings) -> list[str]:
    """What is wrong between settings that are each right."""
    faults = []
    if settings.dev and not _is_loopback(settings.host):
        faults.append(
            f"--dev takes any credentials, so it needs a loopback address; --host is {settings.host!r}"
        )
    if (settings.root_access_key_id is None) != (settings.root_secret_access_key is None):
        faults.append("OPENECR_ROOT_ACCESS_KEY_ID and OPENECR_ROOT_SECRET_ACCESS_KEY: one needs the other")
    if settings.new_master_key is not None and settings.master_key is None:
        faults.append("OPENECR_NEW_MASTER_KEY: needs OPENECR_MASTER_KEY, whose place it takes")
    if has_placeholders(settings.external_url or "") and settings.public_external_url is None:
        faults.append("OPENECR_PUBLIC_EXTERNAL_URL: must be set where OPENECR_EXTERNAL_URL has placeholders")
    if settings.tls_key is not None and settings.tls_certificate is None:
        faults.append("OPENECR_TLS_KEY: needs OPENECR_TLS_CERTIFICATE")
    return faults


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
