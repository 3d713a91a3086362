"""Our own OCI conformance suite: plain HTTP, against any registry's address.

It asks what the conformance program of the OCI distribution specification (main branch) asks, case by case
and under the same names, so that its result rows can be held beside that program's. Nothing here imports
openecr.

    python -m tests.conformance                                    starts an openecr of its own and judges it
    OCI_REGISTRY=localhost:5000 OCI_TLS=disabled OCI_VERSION=dev python -m tests.conformance
    python -m tests.conformance --only "sha256 blobs/mount"        some of the cases
    pytest -m slow tests/conformance                               the same, one test per case
    CONFORMANCE=/path/to/program pytest -m slow tests/conformance  and the official program as well

Where a new case goes: the check in the file of its noun (blobs, manifests, referrers, tags, deletion), one
line in cases.py; a new kind of content is a line in data_sets.py. Source: data-plane.md §2.3, §2.4.
"""
