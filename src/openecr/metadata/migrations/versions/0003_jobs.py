"""Jobs, lifecycle policies, garbage collection; what private and public registries are told of themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "bookmark",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("run_at", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_cancelled", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("topic", "state"),
        sqlite_autoincrement=True,
    )
    op.create_index("job_by_time", "job", ["state", "run_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pull_time_exclusion",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("principal_arn", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "region", "principal_arn"),
    )
    op.create_table(
        "registry_catalog",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("is_verified", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "registry_scanning",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("scan_type", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "region"),
    )
    op.create_table(
        "repository_count",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "account_id", "region"),
    )
    op.create_table(
        "removal",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "tier"),
    )
    op.create_index("removal_by_digest", "removal", ["digest"], unique=False)
    op.create_index("removal_by_due", "removal", ["due_at"], unique=False)
    op.create_table(
        "schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "garbage_review",
        sa.Column("blob_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("blob_id"),
    )
    op.create_index("garbage_review_by_time", "garbage_review", ["since"], unique=False)
    op.create_table(
        "lifecycle_policy",
        sa.Column("repository_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("put_at", sa.BigInteger(), nullable=False),
        sa.Column("evaluated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id"),
    )
    op.create_table(
        "lifecycle_preview",
        sa.Column("repository_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("expiring_count", sa.Integer(), nullable=False),
        sa.Column("transitioning_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id"),
    )
    op.create_table(
        "catalog",
        sa.Column("repository_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id"),
    )
    op.create_table(
        "logo",
        sa.Column("repository_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id"),
    )
    op.create_index("logo_by_sha256", "logo", ["sha256"], unique=False)
    op.create_table(
        "lifecycle_preview_image",
        sa.Column("repository_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("is_tagged", sa.Boolean(), nullable=False),
        sa.Column("pushed_at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["lifecycle_preview.repository_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "digest"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "lifecycle_preview_image_by_tags",
        "lifecycle_preview_image",
        ["repository_id", "is_tagged", "digest"],
        unique=True,
    )
    op.add_column("blob", sa.Column("tier", sa.Text(), server_default="standard", nullable=False))
    op.add_column("image", sa.Column("pulled_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "blob_by_tier",
        "blob",
        ["tier", "id"],
        unique=False,
        sqlite_where=sa.text("tier != 'standard'"),
    )
    op.add_column("image", sa.Column("archived_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "image", sa.Column("archived_with_subject", sa.Boolean(), server_default="0", nullable=False)
    )
    op.add_column("image", sa.Column("activated_at", sa.BigInteger(), nullable=True))
    op.add_column("repository", sa.Column("image_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("repository", sa.Column("loss_count", sa.BigInteger(), server_default="0", nullable=False))
    op.drop_index("session_by_identity", "session")
    op.create_index("session_by_identity", "session", ["identity_id", "expires_at"], unique=False)
    _part_catalogs_from_repositories()
    _count_images()
    _count_repositories()
    _review_all_blobs()
    _filter_lists_by_index()


def _part_catalogs_from_repositories() -> None:
    op.execute(
        "INSERT INTO catalog (repository_id, texts) "
        "SELECT id, catalog_data FROM repository WHERE catalog_data != '{}'"
    )
    op.drop_column("repository", "catalog_data")


def _count_images() -> None:
    op.execute(
        "UPDATE repository SET image_count = "
        "(SELECT count(*) FROM image WHERE image.repository_id = repository.id)"
    )


def _count_repositories() -> None:
    op.execute(
        "INSERT INTO repository_count (kind, account_id, region, count) "
        "SELECT kind, account_id, region, count(*) FROM repository GROUP BY kind, account_id, region"
    )


def _review_all_blobs() -> None:
    """Until now nobody looked whether a blob is held: each is looked at once its leases have ended, and not
    at once where they have: whoever was told of it a moment ago was promised nothing that is written."""
    op.execute(
        "INSERT INTO garbage_review (blob_id, since) SELECT blob.id, "
        "max(coalesce((SELECT max(lease_until) FROM repository_blob WHERE blob_id = blob.id), 0), "
        "CAST(strftime('%s', 'now') AS INTEGER) * 1000) FROM blob"
    )


def _filter_lists_by_index() -> None:
    op.add_column("image", sa.Column("is_tagged", sa.Boolean(), server_default="0", nullable=False))
    op.execute("UPDATE image SET is_tagged = EXISTS (SELECT * FROM tag WHERE tag.image_id = image.id)")
    op.create_index(
        "image_by_status", "image", ["repository_id", "status", "is_tagged", "digest"], unique=True
    )
    op.drop_index("image_by_subject", "image")
    op.create_index(
        "image_by_subject",
        "image",
        ["repository_id", "subject", "status", "digest"],
        unique=True,
        sqlite_where=sa.text("subject IS NOT NULL"),
    )
    op.create_index(
        "image_by_subject_and_type",
        "image",
        ["repository_id", "subject", "artifact_media_type", "status", "digest"],
        unique=True,
        sqlite_where=sa.text("subject IS NOT NULL"),
    )
