"""Which commits a push sent, as far as the repository still knows."""

from __future__ import annotations

from pathlib import Path

from daemon.history.sent_commits import read_sent_commits
from tests.helpers.workload import RepositoryBuilder


def test_the_commits_are_those_above_what_the_hub_had_newest_first(tmp_path: Path) -> None:
    made = RepositoryBuilder(tmp_path / "song")
    first, second, third = (made.commit({"a": b"%d" % n}, f"take {n}\nmore") for n in range(3))
    root = str(made.root)
    assert [(item.id, item.message) for item in read_sent_commits(root, third, first, 2)] == [
        (third, "take 2"),
        (second, "take 1"),
    ]
    assert [item.id for item in read_sent_commits(root, third, None, 3)] == [third, second, first]
    assert read_sent_commits(root, third, None, 0) == []


def test_what_is_lost_or_gone_is_left_out_and_many_are_not_all_listed(tmp_path: Path) -> None:
    made = RepositoryBuilder(tmp_path / "song")
    ids = [made.commit({"a": b"%d" % n}) for n in range(120)]
    sent = (str(made.root), ids[-1], None, 120)
    assert len(read_sent_commits(*sent)) == 100
    made.commit_file(ids[-3]).unlink()
    assert [item.id for item in read_sent_commits(*sent)] == [ids[-1], ids[-2]]
    assert read_sent_commits(str(tmp_path / "nowhere"), ids[-1], None, 2) == []
