"""What an account may set for its registry of a region, and what holds until it does.

Source: advanced-features.md §1.2; control-plane.md A.2. Layers may be mounted by default, as in every other
registry; on AWS that must be switched on first.
"""

from collections.abc import Mapping

BASIC_SCAN_TYPE_VERSION = "BASIC_SCAN_TYPE_VERSION"
"""Which scanner looks for vulnerabilities. AWS has retired the other one, CLAIR."""
BLOB_MOUNTING = "BLOB_MOUNTING"
"""Whether a push may take over a layer that another repository of the registry has."""
REGISTRY_POLICY_SCOPE = "REGISTRY_POLICY_SCOPE"
"""V1: the registry policy speaks of V1_ACTIONS only; V2: of every action. AWS advises against going back to
V1 and does not forbid it. Source: user guide, "Switching to the extended registry policy scope"."""
OPENECR_EXPLAIN_DENIALS = "OPENECR_EXPLAIN_DENIALS"
"""Ours: whether a denied response says which statement, or the lack of which, denied it."""

VALUES: Mapping[str, tuple[str, ...]] = {
    BASIC_SCAN_TYPE_VERSION: ("AWS_NATIVE",),
    BLOB_MOUNTING: ("ENABLED", "DISABLED"),
    REGISTRY_POLICY_SCOPE: ("V2", "V1"),
    OPENECR_EXPLAIN_DENIALS: ("DISABLED", "ENABLED"),
}
"""The settings there are, with their values; the first one holds until another is put."""
