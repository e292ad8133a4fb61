"""The daemon's configuration file: what is right, what is refused by name, and that an edit keeps the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.core.errors import NotFound, Usage
from museui.settings.config import FOREVER, Config, ConfigFile, Watched, parse_config


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    return ConfigFile(tmp_path / "config" / "config.toml")


def test_no_file_is_the_defaults(file: ConfigFile) -> None:
    assert file.read() == Config()


@pytest.mark.parametrize(
    "text",
    [
        "daemon = 1",
        "[daemon]\nparallel_pushes = 0",
        "[daemon]\nparallel_pushes = 65",
        "[daemon]\nparallel_pushes = true",
        "[daemon]\nhistory_days = 'many'",
        "repositories = 1",
        "repositories = [1]",
        "[[repositories]]\npath = 'relative'",
        "[[repositories]]\nremote = 'origin'",
        "[[repositories]]\npath = '/a'\nremote = ''",
        "[[repositories]]\npath = '/a'\nbranches = []",
        "[[repositories]]\npath = '/a'\nbranches = 'main'",
        "[[repositories]]\npath = '/a'\npaused_until = nan",
        "[[repositories]]\npath = '/a'\npaused_until = true",
        "[[repositories]]\npath = '/a'\nsnapshot_on_change = 1",
        "not toml",
    ],
)
def test_what_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        parse_config(text)


def test_what_is_added_is_read_back_and_changed_and_removed(file: ConfigFile) -> None:
    song = Watched("/song", "origin", ("main", "take-*"), FOREVER, True)
    file.put(song)
    file.put(Watched("/album"))
    assert dict(file.read().repositories) == {"/song": song, "/album": Watched("/album")}
    file.put(Watched("/song"))
    assert file.read().repositories["/song"] == Watched("/song")
    file.remove("/song")
    assert list(file.read().repositories) == ["/album"]
    file.remove("/album")
    assert file.read() == Config()
    with pytest.raises(NotFound):
        file.remove("/album")


def test_a_moved_repository_keeps_its_place(file: ConfigFile) -> None:
    file.put(Watched("/a", "hub"))
    file.put(Watched("/b"))
    file.put(Watched("/c", "hub"), "/a")
    assert list(file.read().repositories) == ["/c", "/b"]


def test_an_edit_keeps_comments_and_foreign_settings(file: ConfigFile) -> None:
    file.path.parent.mkdir()
    file.path.write_text("# mine\n[daemon]\nparallel_pushes = 3 # three\n[other]\nx = 1\n")
    file.put(Watched("/song"))
    text = file.path.read_text()
    assert "# mine" in text and "# three" in text and "[other]" in text
    assert file.read().parallel_pushes == 3


def test_an_edit_keeps_the_file_s_mode(file: ConfigFile) -> None:
    file.path.parent.mkdir()
    for mode in (0o600, 0o644, 0o640):
        file.path.write_text("# mine\n")
        file.path.chmod(mode)
        file.put(Watched("/a"))
        assert file.path.stat().st_mode & 0o777 == mode


def test_a_damaged_file_is_not_edited(file: ConfigFile) -> None:
    file.path.parent.mkdir()
    file.path.write_text("[[")
    with pytest.raises(Usage, match=r"config\.toml"):
        file.put(Watched("/song"))
    assert file.path.read_text() == "[["


def test_a_path_is_known_by_one_name_however_it_is_written(file: ConfigFile) -> None:
    file.path.parent.mkdir()
    file.path.write_text("[[repositories]]\npath = '/music//song/'\n")
    assert list(file.read().repositories) == ["/music/song"]
    file.put(Watched("/music/song", "hub"))
    assert file.read().repositories == {"/music/song": Watched("/music/song", "hub")}
    file.remove("/music/song")
    assert file.read() == Config()


def test_a_file_that_is_suddenly_gone_is_not_taken_for_an_empty_one(file: ConfigFile) -> None:
    file.put(Watched("/song"))
    file.read()
    file.path.rename(file.path.with_name("away"))
    for act in (file.read, lambda: file.put(Watched("/album"))):
        with pytest.raises(Usage, match="is gone"):
            act()
    assert not file.path.exists()
    file.path.write_text("")
    assert file.read() == Config()
    file.path.unlink()
    assert file.read() == Config()


def test_a_link_stays_one_when_what_it_leads_to_is_edited(file: ConfigFile, tmp_path: Path) -> None:
    mine = tmp_path / "dotfiles.toml"
    mine.write_text("# mine\n")
    file.path.parent.mkdir()
    file.path.symlink_to(mine)
    file.put(Watched("/song"))
    assert file.path.is_symlink() and "# mine" in mine.read_text()
    assert list(file.read().repositories) == ["/song"]


def test_branches_are_chosen_by_patterns() -> None:
    watched = Watched("/song", branches=("main", "take-*"))
    assert [name for name in ("main", "take-2", "take", "Main", "a/main") if watched.wants(name)] == ["main", "take-2"]


def test_a_pause_ends() -> None:
    assert Watched("/song", paused_until=10.0).paused(9.9)
    assert not Watched("/song", paused_until=10.0).paused(10.0)
    assert Watched("/song", paused_until=FOREVER).paused(1e12)
    assert not Watched("/song").paused(0.0)


def test_the_theme_is_kept_beside_what_else_is_there(file: ConfigFile) -> None:
    file.set_theme("museui-light")
    assert file.path.read_text() == '[tui]\ntheme = "museui-light"\n'
    file.path.write_text('[other]\nx = 1 # mine\n\n[tui]\nkeys = "vi"\n')
    file.put(Watched("/song"))
    file.set_theme("museui-dark")
    file.remove("/song")
    text = file.path.read_text()
    assert text.startswith("[other]\nx = 1 # mine\n") and 'keys = "vi"\ntheme = "museui-dark"' in text
    file.path.write_text("tui = 1\n")
    with pytest.raises(Usage):
        file.set_theme("museui-dark")
    assert file.path.read_text() == "tui = 1\n"
