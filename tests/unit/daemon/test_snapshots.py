"""What the daemon commits by itself."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.snapshots.snapshots import take_snapshot
from museui.core.errors import Usage
from museui.repo.repository import Repository
from tests.helpers.workload import RepositoryBuilder


def test_a_repository_that_is_gone_leaves_the_one_it_lay_in_alone(tmp_path: Path) -> None:
    outer, inner = RepositoryBuilder(tmp_path / "album"), RepositoryBuilder(tmp_path / "album/song")
    head = outer.commit({"a": b"0"})
    (inner.root / "verse").write_text("la")
    shutil.rmtree(inner.muse)
    with pytest.raises(Usage, match="not a Muse repository"):
        take_snapshot(str(inner.root), "{date}", datetime.now(UTC))
    assert Repository.open(outer.root).read_branch("main") == head
