"""Single objects that may arrive are counted against a quota before they do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "expected_objects",
        sa.Column("repository", sa.String(201), primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("object_id", sa.LargeBinary(32), primary_key=True),
        sa.Column("owner_id", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("expected_objects_by_owner", "expected_objects", ["owner_id"])
