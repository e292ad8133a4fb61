"""A look at a repository: what it finds, and that what it takes over from the last is what it would have counted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from daemon.repositories.look import Seen, look_at
from museui.core.ids import CommitId
from museui.repo.repository import Repository
from museui.settings.config import Watched
from tests.helpers.workload import RepositoryBuilder

URL = "http://127.0.0.1:9/ada/song"


@pytest.fixture
def builder(tmp_path: Path) -> RepositoryBuilder:
    made = RepositoryBuilder(tmp_path / "song")
    (made.muse / "config.toml").write_text(f'[remotes.origin]\nurl = "{URL}"\n')
    return made


def look(path: Path, former: Seen | None = None, **settings: str) -> Seen:
    before = {state.branch: state for state in former.branches} if former else {}
    return look_at(Watched(str(path), **settings), lambda url, branch: None, before, 1.0)  # type: ignore[arg-type]


def test_what_stood_before_and_what_is_counted_anew_are_the_same(builder: RepositoryBuilder) -> None:
    dice = random.Random(7)
    repository = Repository.open(builder.root)
    first = builder.commit({"n": b"0"})
    repository.write_tracking("origin", "main", CommitId(first))
    seen = look(builder.root)
    for number in range(40):
        if dice.random() < 0.2:
            side = builder.commit({"s": b"%d" % number}, branch="side", parents=[builder.heads["main"]])
            builder.merge({"m": b"%d" % number}, side)
        for _ in range(dice.choice((0, 1, 3, 25))):
            builder.commit({"n": b"%d" % dice.getrandbits(64)})
        if dice.random() < 0.1:
            repository.write_tracking("origin", "main", CommitId(builder.heads["main"]))
        seen = look(builder.root, seen)
        assert seen == look(builder.root)


def test_a_bare_url_becomes_a_remote_of_the_repository_or_is_its_own_name(builder: RepositoryBuilder) -> None:
    builder.commit({"n": b"0"})
    assert look(builder.root, remote=URL).remote == "origin"
    other = "http://127.0.0.1:9/ada/other"
    config = builder.muse / "config.toml"
    config.rename(builder.muse / "real.toml")
    config.symlink_to("real.toml")  # which MuseUI does not write through
    assert (look(builder.root, remote=other).remote, look(builder.root, remote=other).url) == (other, other)
    config.unlink()
    (builder.muse / "real.toml").rename(config)
    assert look(builder.root, remote=other).remote == "hub"
    remotes = Repository.open(builder.root).remotes()
    assert {name: remote.url for name, remote in remotes.items()} == {"origin": URL, "hub": other}
    assert look(builder.root, remote=other).remote == "hub"


def test_a_path_that_leads_over_a_link_is_looked_at_where_it_leads(builder: RepositoryBuilder, tmp_path: Path) -> None:
    builder.commit({"n": b"0"})
    link = tmp_path / "link"
    link.symlink_to(builder.root)
    seen = look(link)
    assert seen.word == ""
    assert str(link / ".muse") in seen.folders


@pytest.mark.parametrize("word", ["missing", "unreadable", "damaged", "no_remote"])
def test_what_is_wrong_has_a_word_and_a_reason(builder: RepositoryBuilder, tmp_path: Path, word: str) -> None:
    builder.commit({"n": b"0"})
    path = builder.root
    if word == "missing":
        path = tmp_path / "gone"
    elif word == "unreadable":
        path = tmp_path / "loop"
        path.symlink_to(path)
    elif word == "damaged":
        (builder.muse / "repo.json").write_text("{")
    else:
        (builder.muse / "config.toml").write_text("")
    seen = look(path)
    assert seen.word == word
    assert seen.trouble is not None and seen.trouble.message


def test_a_repository_inside_a_folder_that_lost_its_own_is_not_taken_for_it(builder: RepositoryBuilder) -> None:
    inner = builder.root / "inner"
    (inner / ".muse").mkdir(parents=True)
    assert look(inner).word == "damaged"
