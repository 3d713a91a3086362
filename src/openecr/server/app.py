"""The only place where parts are joined: settings in, a server's parts out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from openecr.aws.front import AwsFront
from openecr.blobs.files import FileBlobs
from openecr.domain.logo import Logo
from openecr.domain.names import Digest
from openecr.domain.quotas import with_changes as quotas_with
from openecr.domain.rates import with_changes as rates_with
from openecr.domain.registry import private_registry
from openecr.errors import ServiceUnavailable
from openecr.identity.credentials import AccessKey, parse_access_key
from openecr.identity.sealed import Sealer
from openecr.integrations.oidc_keys import KeySets
from openecr.integrations.outbound import Outbound
from openecr.jobs.worker import Worker
from openecr.metadata.database import Database
from openecr.oci.front import OciFront
from openecr.operations import all as _all_operations  # noqa: F401 - makes them known to the gate
from openecr.operations.call import Stores
from openecr.operations.gate import Gate
from openecr.operations.throttle import Throttle
from openecr.port import Request, Response
from openecr.server.apart import open_blobs, runner, tools_of
from openecr.server.downloads import Downloads, FindLayer
from openecr.server.hosts import Front, Fronts, namespace_of, not_found, refuse_plainly
from openecr.server.job_metrics import job_families
from openecr.server.logos import FindLogo, Logos
from openecr.server.master_key import open_sealer
from openecr.server.own import OwnFront
from openecr.server.pools import Pools
from openecr.server.principals import Principals
from openecr.server.same_site import of_the_same_site
from openecr.server.secrets import ensure_root_key, make_account, open_tokens
from openecr.server.telemetry import AUDIT_FILE, AuditFile, Exposition, Log, Telemetry, blob_families
from openecr.server.throttle_metrics import throttle_families
from openecr.settings import Settings


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a server consists of, joined and ready to be asked."""

    settings: Settings
    stores: Stores
    sealer: Sealer
    gate: Gate
    pools: Pools
    fronts: Fronts
    log: Log
    audit: AuditFile
    telemetry: Telemetry
    worker: Worker  # not started: whoever runs the parts does that, if it is wanted
    new_root_key: AccessKey | None  # made at this start, to be shown now or never

    def make_account(self, number: str, name: str) -> AccessKey:
        """A new account; its root key. Raises ValueError where the number is taken."""
        return make_account(self.stores.database, self.sealer, number, name, self.stores.clock())

    def release_claims(self) -> None:
        """For the start of a server, before it answers: nobody is adding to any upload."""
        with self.stores.database.transaction() as db:
            db.uploads.release_all()

    def record_pulls(self) -> None:
        """Write down which images this process was asked for. What cannot be written now is, next time."""
        resolution = timedelta(minutes=self.settings.pull_time_resolution_minutes)
        try:
            self.stores.pulls.record(self.stores.database, resolution=resolution)
        except ServiceUnavailable as error:
            self.log.write("error", "pull times not recorded", reason=str(error.__cause__ or error))

    def close(self) -> None:
        self.pools.close()
        if self.worker.stop():
            self.stores.database.close()  # else a thread uses it still, until the process ends
        self.audit.close()
        self.log.close()


def build(settings: Settings, *, port: int, clock: Callable[[], datetime] = utc_now) -> Parts:
    """Open or make the data directory, and join everything.

    port  where the server listens: addresses that are given out may hold it
    Raises InvalidMasterKey, OtherMasterKey, InvalidAccessKey, OSError, ValueError (secrets.py)
    """
    # The stores.
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database_path)
    blobs = open_blobs(settings)
    sealer = open_sealer(settings.data_dir, settings.master_key, settings.new_master_key, database=database)
    new_root_key = ensure_root_key(database, sealer, settings.account, _given_root_key(settings), clock())
    tokens = open_tokens(database, sealer, clock())
    principals = Principals(database, sealer, takes_any_key=settings.dev)
    addresses = settings.addresses(port)
    outbound = Outbound(allowed_networks=settings.outbound_networks, ca_file=settings.outbound_ca_file)
    key_sets = KeySets(outbound, settings.oidc_keys, clock)
    stores = Stores(
        database,
        blobs,
        addresses,
        tokens,
        sealer,
        key_sets,
        clock,
        is_dev=settings.dev,
        quotas=quotas_with(settings.quotas),
    )

    # The one way in.
    log = Log(settings.log_format)
    if not blobs.has_archive:
        _tell_of_archive(database, log)
    audit = AuditFile(settings.data_dir / AUDIT_FILE, log)
    telemetry = Telemetry(log, access_log=settings.access_log)
    rates = rates_with(settings.rates, sharers=settings.workers) if settings.throttling else None
    throttle = None if rates is None else Throttle(rates)
    gate = Gate(stores, audit.write, throttle)
    pools = Pools(gate)
    tools = tools_of(settings, database, blobs, clock=clock, audit=audit, log=log)
    lease = timedelta(seconds=settings.job_lease_seconds)
    worker = Worker(tools, lease=lease, run_apart=runner(settings) if clock is utc_now else None)

    # The fronts.
    oci = OciFront(
        pools,
        tokens=tokens,
        addresses=addresses,
        find_principal=principals.find_principal,
        find_alias=alias_finder(database),
        default_registry=private_registry(settings.account, settings.region),
        clock=clock,
        dev=settings.dev,
    )
    aws = AwsFront(
        pools,
        find_key=principals.find_key,
        clock=clock,
        default_registry=private_registry(settings.account, settings.region),
        dev_account=settings.account if settings.dev else None,
        is_public_region_strict=settings.public_strict_region,
    )
    own = OwnFront(
        Exposition(
            [
                telemetry.families,
                audit.families,
                partial(blob_families, blobs),
                partial(job_families, database, clock),
                partial(throttle_families, throttle),
            ]
        ),
        Downloads(tokens, layer_finder(database, blobs), clock),
        Logos(logo_finder(database)),
        {"database": partial(_look_at, database)},
    )

    async def handle_oci(request: Request) -> Response:
        path = request.path[len("/v2/") :] if request.path.startswith("/v2") else ""
        place = addresses.place(request.host, path, namespace=namespace_of(request))
        return await oci.handle(request, place)

    oci_front = Front("oci", handle_oci, oci.refuse)
    aws_front = Front("aws", aws.handle, aws.refuse)
    if settings.dev:
        oci_front, aws_front = (of_the_same_site(front, addresses) for front in (oci_front, aws_front))
    fronts = Fronts(
        oci=oci_front,
        aws=aws_front,
        server=Front("server", own.handle, refuse_plainly),
        web=Front("web", not_found, refuse_plainly),
    )
    return Parts(settings, stores, sealer, gate, pools, fronts, log, audit, telemetry, worker, new_root_key)


def alias_finder(database: Database) -> Callable[[str], str | None]:
    """A look-up of the account that has a public alias."""

    def find(alias: str) -> str | None:
        with database.reading() as db:
            return db.aliases.find_account(alias)

    return find


def layer_finder(database: Database, blobs: FileBlobs) -> FindLayer:
    """A look-up of a layer's file by its repository's id, for downloads."""

    def find(repository_id: int, digest: str) -> tuple[str, int] | None:
        with database.reading() as db:
            layer = db.layers.find_in(repository_id, Digest.parse(digest))
        return None if layer is None else (blobs.at(layer.tier).path(layer.key), layer.size_bytes)

    return find


def logo_finder(database: Database) -> FindLogo:
    """A look-up of a logo by its sha256."""

    def find(sha256: bytes) -> Logo | None:
        with database.reading() as db:
            return db.catalogs.find_logo_by_sha256(sha256)

    return find


def _tell_of_archive(database: Database, log: Log) -> None:
    """Where layers were archived once, and the setting is gone: their images cannot be restored."""
    with database.reading() as db:
        if db.tiers.has_archived():
            reason = "OPENECR_ARCHIVE_BLOB_URL does not say where archived layers are"
            log.write("error", "the archive is not at hand", reason=reason)


def _given_root_key(settings: Settings) -> AccessKey | None:
    if settings.root_access_key_id is None or settings.root_secret_access_key is None:
        return None
    return parse_access_key(settings.root_access_key_id, settings.root_secret_access_key)


def _look_at(database: Database) -> None:
    with database.reading():
        pass
