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
    literal_column,
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

# A user, a group or a role of an account (IAM). Its name's case does not count and is kept.
identity = Table(
    "identity",
    metadata,
    Column("id", Text, primary_key=True),  # AIDA…, AGPA…, AROA…: never given twice
    Column("account_id", Text, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),  # user, group, role
    Column("name", Text, nullable=False),
    Column("folded_name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("boundary_arn", Text),
    Column("tags", Text, nullable=False),  # JSON: {"team": "blue"}
    Column("trust_policy", Text, nullable=False),  # of a role; principals as unique ids
    Column("description", Text),
    Column("max_session_seconds", Integer, nullable=False),
    UniqueConstraint("account_id", "kind", "folded_name"),
    Index("identity_by_boundary", "boundary_arn"),
)

group_member = Table(
    "group_member",
    metadata,
    Column("group_id", Text, ForeignKey("identity.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Text, ForeignKey("identity.id", ondelete="CASCADE"), nullable=False),
    PrimaryKeyConstraint("group_id", "user_id"),
    Index("group_member_by_user", "user_id", "group_id"),
    sqlite_with_rowid=False,
)

inline_policy = Table(
    "inline_policy",
    metadata,
    Column("identity_id", Text, ForeignKey("identity.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("identity_id", "name"),
    sqlite_with_rowid=False,
)

managed_policy = Table(
    "managed_policy",
    metadata,
    Column("id", Text, primary_key=True),  # ANPA…
    Column("account_id", Text, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("folded_name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("arn", Text, nullable=False, unique=True),
    Column("description", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("latest_version", Integer, nullable=False),  # a number is never given twice
    Column("tags", Text, nullable=False),  # JSON
    UniqueConstraint("account_id", "folded_name"),
)

policy_version = Table(
    "policy_version",
    metadata,
    Column("policy_id", Text, ForeignKey("managed_policy.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("policy_id", "number"),
    sqlite_with_rowid=False,
)

# By ARN: those of AWS are no rows.
attached_policy = Table(
    "attached_policy",
    metadata,
    Column("identity_id", Text, ForeignKey("identity.id", ondelete="CASCADE"), nullable=False),
    Column("policy_arn", Text, nullable=False),
    PrimaryKeyConstraint("identity_id", "policy_arn"),
    Index("attached_policy_by_arn", "policy_arn", "identity_id"),
    sqlite_with_rowid=False,
)

account_alias = Table(
    "account_alias",
    metadata,
    Column("name", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("account.id", ondelete="CASCADE"), nullable=False, unique=True),
)

oidc_provider = Table(
    "oidc_provider",
    metadata,
    Column("account_id", Text, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("url", Text, nullable=False),  # without https://
    Column("client_ids", Text, nullable=False),  # JSON: ["sts.amazonaws.com"]
    Column("thumbprints", Text, nullable=False),  # JSON
    Column("created_at", BigInteger, nullable=False),
    Column("tags", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("account_id", "url"),
)

access_key = Table(
    "access_key",
    metadata,
    Column("id", Text, primary_key=True),  # AKIA…
    Column("account_id", Text, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Text, ForeignKey("identity.id", ondelete="CASCADE")),  # NULL: the root's
    Column("sealed_secret", LargeBinary, nullable=False),  # AES-256-GCM under the master key
    Column("status", Text, nullable=False),  # Active, Inactive
    Column("is_given", Boolean, nullable=False),  # by a setting, which may take it away again
    Column("created_at", BigInteger, nullable=False),
    Index("access_key_by_account", "account_id", "user_id"),
    Index("access_key_by_user", "user_id"),
)

# A temporary credential (STS), and what it may at most do.
session = Table(
    "session",
    metadata,
    Column("access_key_id", Text, primary_key=True),  # ASIA…
    Column("account_id", Text, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("identity_id", Text, ForeignKey("identity.id", ondelete="CASCADE")),  # NULL: the root's
    Column("arn", Text, nullable=False),
    Column("principal_id", Text, nullable=False),  # AROA…:SESSION
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("token_sha256", LargeBinary, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("policies", Text, nullable=False),  # JSON: session policies, as texts
    Column("tags", Text, nullable=False),  # JSON
    Column("transitive_tag_keys", Text, nullable=False),  # JSON
    Column("source_identity", Text, nullable=False),
    Column("has_mfa", Boolean, nullable=False),
    Column("facts", Text, nullable=False),  # JSON: further context keys, such as HOST:sub
    Index("session_by_identity", "identity_id", "expires_at"),
    Index("session_by_expiry", "expires_at"),
)

# What a principal was given before that moment, tokens and sessions, holds no longer.
revocation = Table(
    "revocation",
    metadata,
    Column("identity_id", Text, primary_key=True),  # AIDA…, AROA…, or an account's number: its root
    Column("not_before", BigInteger, nullable=False),
)

# Of a registry of a region: who may do what in all its repositories.
registry_policy = Table(
    "registry_policy",
    metadata,
    Column("account_id", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("document", Text, nullable=False),  # principals as unique ids where they were known
    PrimaryKeyConstraint("account_id", "region"),
)

account_setting = Table(
    "account_setting",
    metadata,
    Column("account_id", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("account_id", "region", "name"),
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
    Column("image_count", Integer, nullable=False, server_default="0"),
    Column("loss_count", BigInteger, nullable=False, server_default="0"),  # see images.py, LOSE
    UniqueConstraint("kind", "account_id", "region", "name"),
    sqlite_autoincrement=True,  # an id is never given twice: a late writer must not meet a namesake
)

repository_count = Table(
    # How many repositories a registry has: to count 100,000 takes 23 ms [measured]. No row, none.
    "repository_count",
    metadata,
    Column("kind", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("kind", "account_id", "region"),
)

repository_policy = Table(
    "repository_policy",
    metadata,
    Column("repository_id", Id, ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("document", Text, nullable=False),  # principals as unique ids where they were known
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
    Column("state", Text, nullable=False),  # live; damaged: its bytes are not its digest's any more
    Column("created_at", BigInteger, nullable=False),
    Column("tier", Text, nullable=False, server_default="standard"),  # where its bytes are: or archive
    sqlite_autoincrement=True,
)
Index("blob_by_tier", blob.c.tier, blob.c.id, sqlite_where=blob.c.tier != literal_column("'standard'"))

# A blob that perhaps nothing holds, from that moment on: to be looked at when its time of grace is over.
garbage_review = Table(
    "garbage_review",
    metadata,
    Column("blob_id", Id, ForeignKey("blob.id", ondelete="CASCADE"), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Index("garbage_review_by_time", "since"),
)

# Bytes that nobody can find any more. They stay for whoever found them before.
removal = Table(
    "removal",
    metadata,
    Column("key", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("key", "tier"),
    Index("removal_by_due", "due_at"),
    Index("removal_by_digest", "digest"),
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
    Column("pulled_at", BigInteger),  # as last recorded: pulls within an hour may not be
    Column("archived_at", BigInteger),
    Column("archived_with_subject", Boolean, nullable=False, server_default="0"),  # because that was
    Column("activated_at", BigInteger),
    Column("is_tagged", Boolean, nullable=False, server_default="0"),  # whether a row of `tag` points to it
    UniqueConstraint("repository_id", "digest"),
    Index("image_by_status", "repository_id", "status", "is_tagged", "digest", unique=True),
    sqlite_autoincrement=True,
)
# Both are as lists filter: a page of the few that pass must not read the many that do not.
Index(
    "image_by_subject",
    image.c.repository_id,
    image.c.subject,
    image.c.status,
    image.c.digest,
    unique=True,
    sqlite_where=image.c.subject.is_not(None),
)
Index(
    "image_by_subject_and_type",
    image.c.repository_id,
    image.c.subject,
    image.c.artifact_media_type,
    image.c.status,
    image.c.digest,
    unique=True,
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

# A private repository's rules about which images are to go, and how far they were followed.
lifecycle_policy = Table(
    "lifecycle_policy",
    metadata,
    Column("repository_id", Id, ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, nullable=False),  # a UUID, anew each time it is put
    Column("document", Text, nullable=False),  # without blanks
    Column("put_at", BigInteger, nullable=False),
    Column("evaluated_at", BigInteger, nullable=False),  # 0: never
)

# What a policy would do to a repository, as it was found at some moment. One per repository.
lifecycle_preview = Table(
    "lifecycle_preview",
    metadata,
    Column("repository_id", Id, ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, nullable=False),  # a UUID: of this preview and none before
    Column("document", Text, nullable=False),  # verbatim
    Column("status", Text, nullable=False),  # IN_PROGRESS, COMPLETE
    Column("started_at", BigInteger, nullable=False),
    Column("expiring_count", Integer, nullable=False),
    Column("transitioning_count", Integer, nullable=False),
)

lifecycle_preview_image = Table(
    "lifecycle_preview_image",
    metadata,
    Column(
        "repository_id", Id, ForeignKey("lifecycle_preview.repository_id", ondelete="CASCADE"), nullable=False
    ),
    Column("digest", LargeBinary, nullable=False),
    Column("tags", Text, nullable=False),  # JSON
    Column("is_tagged", Boolean, nullable=False),  # whether there are any
    Column("pushed_at", BigInteger, nullable=False),
    Column("action", Text, nullable=False),  # expire, transition
    Column("priority", Integer, nullable=False),  # of the rule that applies
    Column("status", Text, nullable=False),  # of the image
    PrimaryKeyConstraint("repository_id", "digest"),
    Index("lifecycle_preview_image_by_tags", "repository_id", "is_tagged", "digest", unique=True),
    sqlite_with_rowid=False,
)

# Whose pulls do not count as pulls, in the registry of a region.
pull_time_exclusion = Table(
    "pull_time_exclusion",
    metadata,
    Column("account_id", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("principal_arn", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "region", "principal_arn"),
)

registry_scanning = Table(
    "registry_scanning",
    metadata,
    Column("account_id", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("scan_type", Text, nullable=False),  # BASIC, ENHANCED
    Column("rules", Text, nullable=False),  # JSON, as put
    PrimaryKeyConstraint("account_id", "region"),
)

# What an account's public registry is shown with.
registry_catalog = Table(
    "registry_catalog",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("display_name", Text),
    # The operator vouches for the publisher: only then are its name and logos shown in a gallery.
    Column("is_verified", Boolean, nullable=False),
)

# A picture for a public repository.
catalog = Table(
    # Apart from its repository, whose row is read and written by every push: texts may have 200 KB.
    "catalog",
    metadata,
    Column("repository_id", Id, ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("texts", Text, nullable=False),  # JSON: of CatalogData all that is no picture
)

logo = Table(
    "logo",
    metadata,
    Column("repository_id", Id, ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("media_type", Text, nullable=False),  # image/png, image/jpeg
    Column("sha256", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("logo_by_sha256", "sha256"),
)

# What has happened and is not yet made into jobs. Written with what happened, in one transaction.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event", Text, nullable=False),  # the name of a class of domain/events.py
    Column("facts", Text, nullable=False),  # JSON
    sqlite_autoincrement=True,
)

# Something to be done, once or until it is done.
job = Table(
    "job",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),  # JSON
    Column("topic", Text),  # of the jobs with one topic, one waits and one is run
    Column("created_at", BigInteger, nullable=False),
    Column("run_at", BigInteger, nullable=False),  # not before; while somebody has it, the end of the lease
    Column("attempt", Integer, nullable=False),  # how often it was begun
    Column("owner", Text),  # who has it now
    Column("state", Text, nullable=False),  # waiting, running, dead
    Column("is_cancelled", Boolean, nullable=False),
    Column("error", Text, nullable=False),  # of the last attempt that failed
    UniqueConstraint("topic", "state"),
    Index("job_by_time", "state", "run_at"),
    sqlite_autoincrement=True,
)

# When a job that comes again and again comes next.
schedule = Table(
    "schedule",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_at", BigInteger, nullable=False),
)

# Where something that goes on for long has come to, or what it has found.
bookmark = Table(
    "bookmark",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),  # JSON
)
