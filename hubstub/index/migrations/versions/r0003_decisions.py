"""Moves by force and deletions are found without reading all moves: ``GET refs`` tells of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index(
        "ref_moves_by_force",
        "ref_moves",
        ["repository", "repository_id", "id"],
        sqlite_where=sa.text("forced"),
        postgresql_where=sa.text("forced"),
    )
