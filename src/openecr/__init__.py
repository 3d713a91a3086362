"""openecr: Amazon ECR and Amazon ECR Public, self-hosted.

The arrangement is one line long: a *front* (aws, oci, cli) turns what it is asked into a Call, the
*gate* (operations/gate.py) authorises and runs it, an *operation* decides with `domain` and writes
with `metadata` and `blobs`. ARCHITECTURE.md is the map.
"""

__version__ = "0.1.0"
