"""Branches that lost their head, and those that only seem so."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from museui.repo import lost
from museui.repo.lock import hold_lock, wait_for_writers
from museui.repo.repository import Repository
from tests.helpers.workload import RepositoryBuilder


def test_a_first_commit_whose_branch_is_being_written_is_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = RepositoryBuilder(tmp_path / "song")
    head = builder.commit({"a": b"verse"})
    branch = builder.muse / "refs" / "heads" / "main"
    content = branch.read_bytes()
    branch.unlink()
    repository = Repository.open(builder.root)
    assert [fault.details["branch"] for fault in repository.branches().faults] == ["main"]
    held, asked = threading.Event(), threading.Event()

    def write() -> None:
        with hold_lock(str(builder.muse)):
            held.set()
            asked.wait(10)
            branch.write_bytes(content)

    def wait(folder: str, wait_s: float) -> None:
        asked.set()
        wait_for_writers(folder, 10.0)

    monkeypatch.setattr(lost, "wait_for_writers", wait)
    writer = threading.Thread(target=write)
    writer.start()
    assert held.wait(10)
    assert repository.branches().faults == ()
    writer.join()
    assert repository.branches() == {"main": head}
