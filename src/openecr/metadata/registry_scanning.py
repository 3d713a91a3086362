"""What private registries say of scanning. Of one that never said anything there is no row."""

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert

from openecr.domain.registry import Registry
from openecr.domain.scanning import RegistryScanning, ScanningRule
from openecr.metadata.query import Connection, Query
from openecr.metadata.schema import registry_scanning

_FIND = Query(
    select(registry_scanning.c.scan_type, registry_scanning.c.rules).where(
        registry_scanning.c.account_id == bindparam("account"),
        registry_scanning.c.region == bindparam("region"),
    )
)
_putting = insert(registry_scanning).values(
    account_id=bindparam("account"),
    region=bindparam("region"),
    scan_type=bindparam("scan_type"),
    rules=bindparam("rules"),
)
_PUT = Query(
    _putting.on_conflict_do_update(
        index_elements=["account_id", "region"],
        set_={column: _putting.excluded[column] for column in ("scan_type", "rules")},
    )
)


class RegistryScannings:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, registry: Registry) -> RegistryScanning:
        """What was put last, or what holds until anything is."""
        row = self._connection.one(_FIND, account=registry.account, region=registry.region)
        if row is None:
            return RegistryScanning()
        rules = tuple(ScanningRule(frequency, tuple(filters)) for frequency, filters in orjson.loads(row[1]))
        return RegistryScanning(row[0], rules)

    def put(self, registry: Registry, scanning: RegistryScanning) -> None:
        rules = [[rule.frequency, rule.filters] for rule in scanning.rules]
        self._connection.run(
            _PUT,
            account=registry.account,
            region=registry.region,
            scan_type=scanning.scan_type,
            rules=orjson.dumps(rules).decode(),
        )
