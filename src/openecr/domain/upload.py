"""A layer on its way: what has arrived, what may come next. Source: control-plane.md §3.3, §3.4."""

from dataclasses import dataclass
from datetime import timedelta

PART_SIZE_BYTES = 10_485_760
"""What InitiateLayerUpload advises (control-plane.md Appendix C, U1)."""
SMALLEST_PART_BYTES = 5_242_880
IDLE_LIFE = timedelta(hours=24)
"""An upload nobody touched for so long is gone (control-plane.md Appendix C, U2)."""
CLAIM_LIFE = timedelta(minutes=10)
CLAIM_RENEWAL = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Upload:
    id: str  # a UUID; also the key of the blob it will become
    repository_id: int
    size_bytes: int  # received and safe
    part_count: int
    last_part_bytes: int
    has_small_part: bool  # one before the last is below SMALLEST_PART_BYTES

    def has_small_part_after(self) -> bool:
        """Whether it will have one once another part follows."""
        return self.has_small_part or (self.part_count > 0 and self.last_part_bytes < SMALLEST_PART_BYTES)
