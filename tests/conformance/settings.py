"""Which registry is asked, as whom, and for what: the official program's environment variables.

Source: data-plane.md §2.2.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .rows import Api, switches_of

ON_BY_DEFAULT = (
    *("API_PING", "API_PULL", "API_PUSH", "API_REFERRER"),
    *("API_BLOBS_ATOMIC", "API_BLOBS_DELETE", "API_BLOBS_MOUNT_ANONYMOUS"),
    *("API_MANIFESTS_ATOMIC", "API_MANIFESTS_DELETE"),
    *("API_TAGS_ATOMIC", "API_TAGS_DELETE", "API_TAGS_LIST"),
    *("DATA_IMAGE", "DATA_INDEX", "DATA_INDEX_LIST", "DATA_ARTIFACT", "DATA_ARTIFACT_LIST"),
    *("DATA_SUBJECT", "DATA_SUBJECT_MISSING", "DATA_SUBJECT_LIST", "DATA_DATA_FIELD"),
    *("DATA_NONDISTRIBUTABLE", "DATA_CUSTOM_FIELDS", "DATA_NO_LAYERS", "DATA_EMPTY_BLOB", "DATA_SHA512"),
)
ON_IN_DEV = (
    *("API_BLOBS_DIGEST_HEADER", "API_BLOBS_UPLOAD_CANCEL"),
    *("API_MANIFESTS_DIGEST_HEADER", "API_MANIFESTS_TAG_PARAM"),
)
# A registry that refuses a manifest whose layers are missing, as the specification allows and ECR does,
# can never pass this one; it is off unless asked for.
OFF_BY_DEFAULT = ("DATA_SPARSE",)

VERSIONS = {"": "1.1", "stable": "1.1", "1.0": "1.0", "1.1": "1.1", "dev": "1.1+dev", "1.1+dev": "1.1+dev"}
TLS_MODES = ("enabled", "insecure", "disabled")


@dataclass(frozen=True, slots=True)
class Settings:
    """registry: host:port. tls: enabled, insecure (certificate not verified) or disabled (http).

    repo1, repo2: both must exist beforehand where a registry does not make them on push.
    on: the switches that are on, without the prefix OCI_.
    """

    registry: str
    tls: str
    repo1: str
    repo2: str
    username: str
    password: str
    version: str
    on: frozenset[str]

    @property
    def base_url(self) -> str:
        return f"{'http' if self.tls == 'disabled' else 'https'}://{self.registry}"

    def asks(self, rows: Iterable[Api]) -> bool:
        """Whether every switch these rows need is on."""
        return all(switch in self.on for row in rows for switch in switches_of(row))


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings in OCI_… variables. Raises ValueError for a value that is none of the allowed ones."""
    version = VERSIONS.get(environment.get("OCI_VERSION", ""))
    if version is None:
        raise ValueError(f"OCI_VERSION is none of {', '.join(filter(None, VERSIONS))}")
    tls = environment.get("OCI_TLS", "enabled")
    if tls not in TLS_MODES:
        raise ValueError(f"OCI_TLS is none of {', '.join(TLS_MODES)}")

    on = set(ON_BY_DEFAULT)
    if version == "1.1+dev":
        on.update(ON_IN_DEV)
    if version == "1.0":
        on -= {"API_BLOBS_MOUNT_ANONYMOUS", "API_REFERRER"}
    for switch in (*ON_BY_DEFAULT, *ON_IN_DEV, *OFF_BY_DEFAULT):
        match environment.get(f"OCI_{switch}", "").lower():
            case "true":
                on.add(switch)
            case "false":
                on.discard(switch)
            case "":
                pass
            case _:
                raise ValueError(f"OCI_{switch} is neither true nor false")

    return Settings(
        registry=environment.get("OCI_REGISTRY", "localhost:5000"),
        tls=tls,
        repo1=environment.get("OCI_REPO1", "conformance/repo1"),
        repo2=environment.get("OCI_REPO2", "conformance/repo2"),
        username=environment.get("OCI_USERNAME", ""),
        password=environment.get("OCI_PASSWORD", ""),
        version=version,
        on=frozenset(on),
    )
