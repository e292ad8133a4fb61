"""What asks for ``folder`` runs on both databases: ``fresh_database(folder)`` is an empty one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.hub import write_database
from tests.helpers.postgresql import NewDatabase


@pytest.fixture
def folder(tmp_path: Path, new_database: NewDatabase) -> Path:
    """The empty folder of a hub."""
    if url := new_database():
        write_database(tmp_path, url)
    return tmp_path
