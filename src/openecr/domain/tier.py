"""Where the bytes of a blob are: at hand, or in an archive that may be slow and is cheap."""

STANDARD = "standard"
"""Where new bytes are."""
ARCHIVE = "archive"
