"""Importing this module makes every operation known to the gate."""

from openecr.operations import (
    authorization_token,
    image_lists,
    images,
    layers,
    registries,
    repositories,
    resource_tags,
    uploads,
)
from openecr.operations.gate import OPERATIONS

__all__ = [
    "OPERATIONS",
    "authorization_token",
    "image_lists",
    "images",
    "layers",
    "registries",
    "repositories",
    "resource_tags",
    "uploads",
]
