"""A repository: a named collection of images, and the settings it was given."""

from dataclasses import dataclass
from datetime import datetime

from openecr.domain.registry import Registry
from openecr.domain.tag_mutability import TagMutability


@dataclass(frozen=True, slots=True)
class Encryption:
    """As asked for; what is stored is not encrypted by it yet ("stored only", design.md §5)."""

    type: str = "AES256"  # AES256, KMS, KMS_DSSE
    kms_key: str | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    id: int  # never used again after the repository is deleted
    registry: Registry
    name: str
    created_at: datetime  # UTC; whole seconds, of a public one milliseconds
    mutability: TagMutability
    scan_on_push: bool
    encryption: Encryption

    @property
    def arn(self) -> str:
        return self.registry.repository_arn(self.name)
