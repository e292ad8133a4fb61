"""Repositories below a folder: which are found, and that no search goes on without end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.repositories import search
from daemon.repositories.search import Search
from museui.core.errors import NotFound, Usage
from museui.local.messages import FoundView
from museui.repo.config import Remote, set_remote
from museui.repo.repository import Repository


def make(path: Path, url: str = "") -> str:
    repository = Repository.init(path, "code")
    if url:
        set_remote(repository.config_path, Remote("origin", url))
    return str(path)


def find(below: Path) -> tuple[list[FoundView], Search]:
    looking = Search(str(below))
    found = []
    while not looking.ended:
        found += looking.look_on()
    return found, looking


def test_near_ones_come_first_each_with_its_remote(tmp_path: Path) -> None:
    far = make(tmp_path / "a" / "b" / "far", "https://hub.local/ada/far")
    near = make(tmp_path / "near")
    found, looking = find(tmp_path)
    assert [item.path for item in found] == [near, far]
    assert (found[1].remote, found[1].url, found[1].trouble) == ("origin", "https://hub.local/ada/far", None)
    assert found[0].trouble and "museui remote add" in found[0].trouble.hint
    assert looking.complete and looking.folders == 5


@pytest.mark.parametrize(
    ("identities", "name", "proposed"),
    [
        ("", "song", ""),
        ('["hub.local"]\nname = "ada"\ntoken = "x"\n', "My  song!", "https://hub.local/ada/My-song"),
        ('["127.0.0.1:8750"]\nname = "ada"\ntoken = "x"\n', "song", "http://127.0.0.1:8750/ada/song"),
        ('["hub.local"]\nname = "ada"\ntoken = "x"\n', "♪", "https://hub.local/ada/repository-f7c624"),
        ('["hub.local"]\ntoken = "x"\n', "song", ""),
        ("damaged", "song", ""),
    ],
)
def test_one_without_a_remote_could_go_to_the_hub_one_is_signed_in_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, identities: str, name: str, proposed: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".muse").mkdir()
    (tmp_path / ".muse" / "identity.toml").write_text(identities)
    make(tmp_path / "music" / name)
    assert find(tmp_path / "music")[0][0].proposed_url == proposed


def test_the_folder_itself_may_be_one_and_what_lies_in_one_is_not_looked_at(tmp_path: Path) -> None:
    song = make(tmp_path / "song")
    make(tmp_path / "song" / "inner")
    assert [item.path for item in find(tmp_path / "song")[0]] == [song]


def test_links_hidden_folders_and_a_home_with_an_identity_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".muse").mkdir()
    (tmp_path / ".muse" / "identity.toml").touch()
    song = make(tmp_path / "song")
    make(tmp_path / ".cache" / "copy")
    (tmp_path / "link").symlink_to(song)
    (tmp_path / "round").symlink_to(tmp_path)
    assert [item.path for item in find(tmp_path)[0]] == [song]


def test_a_name_that_cannot_be_said_is_counted(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")  # noqa: PTH102
    found, looking = find(tmp_path)
    assert (found, looking.unreadable, looking.complete) == ([], 1, True)


def test_a_damaged_one_is_found_with_what_is_wrong(tmp_path: Path) -> None:
    (Path(make(tmp_path / "song")) / ".muse" / "repo.json").write_text("rubbish")
    (found,) = find(tmp_path)[0]
    assert found.trouble and "repo.json" in found.trouble.message


@pytest.mark.parametrize(("bound", "value"), [("MAX_DEPTH", 2), ("MAX_FOLDERS", 3), ("MAX_FOUND", 1)])
def test_every_bound_ends_it_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    make(tmp_path / "near")
    make(tmp_path / "a" / "b" / "c" / "far")
    monkeypatch.setattr(search, bound, value)
    found, looking = find(tmp_path)
    assert [item.path for item in found] == [str(tmp_path / "near")]
    assert not looking.complete


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Usage):
        Search(str(tmp_path / "file"))
    with pytest.raises(NotFound):
        Search(str(tmp_path / "none"))
