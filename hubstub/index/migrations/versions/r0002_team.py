"""What a hub for a team needs: collaborators, keys, sessions, tags, releases, quotas, the audit log, collections.

From here on a database knows its revision; the hubs of 0.1.0, all on SQLite, have none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = None

_BIG = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "damage",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("found_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "garbage",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "repository_id", "subject"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ref_moves",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("token_id", sa.String(length=16), nullable=True),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.Column("branch", sa.String(length=255), nullable=False),
        sa.Column("old_head", sa.LargeBinary(length=32), nullable=True),
        sa.Column("new_head", sa.LargeBinary(length=32), nullable=True),
        sa.Column("forced", sa.Boolean(), nullable=False),
        sa.Column("push_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ref_moves_by_repository", "ref_moves", ["repository_id", "id"])
    op.create_table(
        "signing_keys",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("revoked_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "public_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("signing_keys_by_key", "signing_keys", ["public_key"])
    op.create_table(
        "collaborators",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("access", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "user_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("collaborators_by_user", "collaborators", ["user_id"])
    op.create_table(
        "pending_objects",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "user_id", "object_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("pending_objects_by_expiry", "pending_objects", ["expires_at"])
    op.create_index("pending_objects_by_object", "pending_objects", ["object_id"])
    op.create_table(
        "protected_branches",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("pattern", sa.String(length=255), nullable=False),
        sa.Column("allows_force", sa.Boolean(), nullable=False),
        sa.Column("signed_only", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "pattern"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "releases",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=100), server_default="", nullable=False),
        sa.Column("is_draft", sa.Boolean(), nullable=False),
        sa.Column("commit_id", sa.LargeBinary(length=32), nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "tag"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tags",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("commit_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("token_id", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id_hash"),
        sqlite_with_rowid=False,
    )
    op.add_column("jobs", sa.Column("worker", sa.String(length=32), nullable=True))
    op.add_column("jobs", sa.Column("progress", sa.Text(), nullable=True))
    op.add_column(
        "repositories", sa.Column("signing_policy", sa.String(length=10), server_default="valid", nullable=False)
    )
    op.add_column("repositories", sa.Column("quota_bytes", _BIG, nullable=True))
    op.add_column("repositories", sa.Column("stored_bytes", _BIG, server_default="0", nullable=False))
    op.add_column("repositories", sa.Column("losses", sa.Integer(), server_default="0", nullable=False))
    op.create_index("uploads_by_push", "uploads", ["push_id"])
    op.add_column("users", sa.Column("quota_bytes", _BIG, nullable=True))
    op.add_column("users", sa.Column("removed_at", sa.Float(), nullable=True))
    op.create_index("users_by_lower_name", "users", [sa.text("lower(name)")], unique=True)
    op.create_index("repositories_by_lower_slug", "repositories", ["owner_id", sa.text("lower(slug)")], unique=True)
    op.execute(
        "UPDATE repositories SET stored_bytes = coalesce((SELECT sum(objects.size_bytes) FROM repository_objects"
        " JOIN objects ON objects.id = repository_objects.object_id"
        " WHERE repository_objects.repository_id = repositories.id), 0)"
    )
