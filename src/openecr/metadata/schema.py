"""Every table, with what a row means.

Times are whole milliseconds since 1970, UTC. Digests are their bytes: 32 of sha256, 64 of sha512.
Whoever changes a table adds a migration; a test holds the two together.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# SQLite counts rows in an INTEGER, PostgreSQL will in a BIGINT.
Id = BigInteger().with_variant(Integer, "sqlite")


def _owned(table: str, name: str) -> Column[int]:
    """A column naming a row that this one dies with."""
    return Column(name, Id, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


account = Table(
    "account",
    metadata,
    Column("id", Text, primary_key=True),  # 12 digits
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

access_key = Table(
    "access_key",
    metadata,
    Column("id", Text, primary_key=True),  # AKIA…
    Column("account_id", Text, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),  # AES-256-GCM under the master key
    Column("created_at", BigInteger, nullable=False),
    Index("access_key_by_account", "account_id"),
)

# A key of the server's own: it signs tokens and URLs. The newest signs, all of them verify.
signing_key = Table(
    "signing_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# A name of an account's public registry: public.ecr.aws/NAME.
alias = Table(
    "alias",
    metadata,
    Column("name", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("is_primary", Boolean, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("alias_by_account", "account_id"),
)

repository = Table(
    "repository",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),  # ecr, ecr-public
    Column("account_id", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("tag_mutability", Text, nullable=False),
    Column("mutability_filters", Text, nullable=False),  # JSON: ["latest*"]
    Column("scan_on_push", Boolean, nullable=False),
    Column("encryption_type", Text, nullable=False),
    Column("kms_key", Text),
    Column("catalog_data", Text, nullable=False),  # JSON, of a public repository
    UniqueConstraint("kind", "account_id", "region", "name"),
    sqlite_autoincrement=True,  # an id is never given twice: a late writer must not meet a namesake
)

resource_tag = Table(
    "resource_tag",
    metadata,
    Column("id", Id, primary_key=True),  # in the order they were set
    _owned("repository", "repository_id"),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("repository_id", "key"),
)

# The same bytes, whoever uses them. `key` names them in the blob store, for this generation.
blob = Table(
    "blob",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("generation", Integer, nullable=False),
    Column("state", Text, nullable=False),  # live, deleting
    Column("created_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

# The right of a repository to a blob: it was given the bytes, or they were mounted. Tenancy lives here.
repository_blob = Table(
    "repository_blob",
    metadata,
    _owned("repository", "repository_id"),
    Column("blob_id", Id, ForeignKey("blob.id"), nullable=False),
    Column("lease_until", BigInteger, nullable=False),  # not to be collected before, used or not
    PrimaryKeyConstraint("repository_id", "blob_id"),
    Index("repository_blob_by_blob", "blob_id"),
    sqlite_with_rowid=False,
)

# The sha512 under which a client pushed something to this repository, and the sha256 we keep it by.
digest_alias = Table(
    "digest_alias",
    metadata,
    _owned("repository", "repository_id"),
    Column("digest", LargeBinary, nullable=False),
    Column("target", LargeBinary, nullable=False),
    PrimaryKeyConstraint("repository_id", "digest"),
    Index("digest_alias_by_target", "repository_id", "target"),
    Index("digest_alias_by_digest", "digest"),
    sqlite_with_rowid=False,
)

image = Table(
    "image",
    metadata,
    Column("id", Id, primary_key=True),
    _owned("repository", "repository_id"),
    Column("digest", LargeBinary, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("artifact_media_type", Text),
    Column("size_bytes", BigInteger, nullable=False),
    Column("manifest_size_bytes", BigInteger, nullable=False),
    Column("subject", LargeBinary),
    Column("annotations", Text, nullable=False),  # JSON; kept only where there is a subject
    Column("status", Text, nullable=False),  # ACTIVE, ARCHIVED, ACTIVATING
    Column("pushed_at", BigInteger, nullable=False),
    UniqueConstraint("repository_id", "digest"),
    sqlite_autoincrement=True,
)
Index(
    "image_by_subject",
    image.c.repository_id,
    image.c.subject,
    image.c.digest,
    sqlite_where=image.c.subject.is_not(None),
)

# The manifest's exact bytes, apart from the facts so that lists read few pages.
manifest = Table(
    "manifest",
    metadata,
    Column("image_id", Id, ForeignKey("image.id", ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

tag = Table(
    "tag",
    metadata,
    _owned("repository", "repository_id"),
    Column("name", Text, nullable=False),
    _owned("image", "image_id"),
    Column("digest", LargeBinary),  # the sha512 it was pushed under, if one was named
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("repository_id", "name"),
    Index("tag_by_image", "image_id", "name"),
    sqlite_with_rowid=False,
)

# An image uses a blob: as layer, config, or entry of an index. "Any use at all?" is one probe.
image_blob = Table(
    "image_blob",
    metadata,
    _owned("image", "image_id"),
    Column("blob_id", Id, ForeignKey("blob.id"), nullable=False),
    _owned("repository", "repository_id"),
    Column("media_type", Text, nullable=False),
    PrimaryKeyConstraint("image_id", "blob_id"),
    Index("image_blob_by_blob", "blob_id", "repository_id"),
    Index("image_blob_by_repository", "repository_id"),
    sqlite_with_rowid=False,
)

# An index lists an image of the same repository.
image_child = Table(
    "image_child",
    metadata,
    Column("parent_id", Id, ForeignKey("image.id", ondelete="CASCADE"), nullable=False),
    Column("child_id", Id, ForeignKey("image.id"), nullable=False),
    PrimaryKeyConstraint("parent_id", "child_id"),
    Index("image_child_by_child", "child_id"),
    sqlite_with_rowid=False,
)

# A layer on its way. Its id is also the key its bytes will have in the blob store.
upload = Table(
    "upload",
    metadata,
    Column("id", Text, primary_key=True),
    _owned("repository", "repository_id"),
    Column("size_bytes", BigInteger, nullable=False),  # received, and synced before this was written
    Column("part_count", Integer, nullable=False),
    Column("last_part_bytes", BigInteger, nullable=False),
    Column("has_small_part", Boolean, nullable=False),
    Column("claim", Text),  # who is adding to it now; nobody else may until claimed_until
    Column("claimed_until", BigInteger, nullable=False),
    Column("touched_at", BigInteger, nullable=False),
    Index("upload_by_repository", "repository_id"),
    Index("upload_by_age", "touched_at"),
)
