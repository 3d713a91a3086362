"""Who may import whom: the table of the house, held against the code."""

import grimp
import pytest

ANYWHERE = {"errors", "failpoints"}
MAY_IMPORT = {
    "aws": {"port", "operations.gate", "operations.call", "identity", "domain"},
    "oci": {"port", "operations.gate", "operations.call", "identity", "domain"},
    "jobs": {"operations.gate", "operations.call", "identity", "metadata", "blobs", "domain"},
    "operations": {"policy", "identity", "domain", "metadata", "blobs", "integrations"},
    "metadata": {"domain"},
    "integrations": {"domain"},
    "blobs": {"domain"},
    "identity": set(),
    "policy": set(),
    "domain": set(),
    "port": {"domain"},
    "errors": set(),
    "failpoints": set(),
    "settings": {"domain"},
}
JOIN_THE_PARTS = {"server", "cli", "__main__", "__init__"}


def graph() -> grimp.ImportGraph:
    return grimp.build_graph("openecr", cache_dir=None)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


@pytest.mark.parametrize("name", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_it_may(name):
    code = graph()
    allowed = MAY_IMPORT[name] | ANYWHERE | {name}
    broken = [
        f"{importer} imports {imported}"
        for importer in code.modules
        if room(importer) == name
        for imported in code.find_modules_directly_imported_by(importer)
        if imported != "openecr"
        and not any(
            imported == f"openecr.{each}" or imported.startswith(f"openecr.{each}.") for each in allowed
        )
    ]
    assert broken == []


def test_every_room_has_its_line():
    rooms = {room(module) for module in graph().modules}
    assert rooms <= MAY_IMPORT.keys() | JOIN_THE_PARTS


def test_nothing_but_the_gate_calls_an_operation():
    code = graph()
    nouns = {module for module in code.modules if room(module) == "operations" and module.count(".") >= 2} - {
        f"openecr.operations.{each}"
        for each in (
            "gate",
            "call",
            "all",
            "authorize",
            "context_keys",
            "grounds",
            "audit",
            "paging",
            "throttle",
        )
    }
    outside = {
        f"{importer} imports {noun}"
        for noun in nouns
        for importer in code.find_modules_that_directly_import(noun)
        if room(importer) != "operations"
    }
    assert outside == set()
