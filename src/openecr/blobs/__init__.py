"""Bytes, each blob under a key of its own, written once and never changed.

`paths.py` draws the whole key space; `files.py` keeps blobs in a local folder, safely: what it has
acknowledged survives loss of power (reliability.md §2). Not here: digests as names. Which digest is
under which key, who may use it and when it may go is metadata. A blob that no row points to is only
garbage, so a store never asks whether something is needed; it is told.

To add a store: write down in `store.py` what `FileBlobs` promises, and let the suite in `tests/blobs`
run against both.
"""
