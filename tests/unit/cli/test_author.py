"""`museui init` takes the author's name from where this machine has it; `museui config author` changes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.program import Museui


def authors(museui: Museui, song: Path) -> list[str]:
    return [commit["author"] for commit in museui("-C", song, "log", "--json").document["commits"]]


def test_init_says_whose_commits_they_will_be(museui: Museui, home: Path, tmp_path: Path) -> None:
    (home / ".gitconfig").write_text("[user]\n\tname = Ada Lovelace\n")
    answer = museui("init", "song")
    assert answer.err == (
        f"made a repository in {tmp_path / 'song'}\n"
        "author of its commits: Ada Lovelace (from git's configuration); change it with: museui config author NAME\n"
    )
    song = tmp_path / "song"
    assert museui("-C", song, "snapshot", "-m", "1", "--allow-empty").code == 0
    assert museui("-C", song, "config", "author", "Grace").err == "author of the next commits: Grace\n"
    assert museui("-C", song, "snapshot", "-m", "2", "--allow-empty").code == 0
    assert authors(museui, song) == ["Grace", "Ada Lovelace"]


def test_the_option_goes_before_all_and_is_for_new_repositories(museui: Museui, tmp_path: Path) -> None:
    assert museui("init", "song", "--author", " Eve ", "--json").document["author"] == "Eve"
    answer = museui("init", "song", "--author", "Ada")
    assert answer.code == 2 and "museui config author NAME" in answer.err
    assert museui("init", "song", "--json").document["author"] == "Eve"
    answer = museui("init", "other", "--author", "a\nb")
    assert answer.code == 2 and "not an author's name" in answer.err
    assert not (tmp_path / "other").exists()


def test_without_a_usable_name_init_warns(museui: Museui, tmp_path: Path) -> None:
    answer = museui("init", "song", USER="a\x01b")
    assert answer.code == 0
    assert answer.err.splitlines()[1] == (
        "warning: its commits have no author yet; name one with: museui config author NAME"
    )


def test_a_repository_whose_author_is_empty_follows_the_same_rule(museui: Museui, song: Path, home: Path) -> None:
    config = song / ".muse/config.toml"
    config.write_text(config.read_text().replace('name = "ada"', 'name = ""'))
    (home / ".gitconfig").write_text("[user]\n\tname = Ada Lovelace\n")
    assert museui("-C", song, "snapshot", "-m", "2", "--allow-empty").code == 0
    assert authors(museui, song)[0] == "Ada Lovelace"
    answer = museui("-C", song, "config", "author")
    assert (answer.out, answer.err) == ("Ada Lovelace\n", "from git's configuration\n")


@pytest.mark.parametrize("words", [("config", "author"), ("config", "author", "Ada")])
def test_it_needs_a_repository(museui: Museui, words: tuple[str, ...]) -> None:
    assert museui(*words).code == 2
