"""The author of commits: the repository's name for it, else the first usable name that this machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from museui.core.errors import Usage
from museui.repo import author as author_module
from museui.repo.author import Author, author_of, check_author, find_author, write_author
from museui.repo.config import read_config
from museui.repo.repository import Repository

IDENTITY = '["hub.local"]\nname = "{}"\ntoken = "x"\ntype = "{}"\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without identities; its user is unknown to the system."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".muse").mkdir()
    return tmp_path


def environment(home: Path, user: str = "ada") -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"], "USER": user, "GIT_CONFIG_NOSYSTEM": "1"}


def test_the_identity_file_goes_before_git_and_git_before_the_system(home: Path) -> None:
    names = environment(home)
    assert find_author(str(home), names) == Author("ada", "the login name")
    (home / ".gitconfig").write_text("[user]\n  name = Ada Lovelace\n")
    assert find_author(str(home), names) == Author("Ada Lovelace", "git's configuration")
    (home / ".muse/identity.toml").write_text(IDENTITY.format("countess", "human"))
    assert find_author(str(home), names) == Author("countess", "the identity file")


@pytest.mark.parametrize("text", ["damaged", IDENTITY.format("robot", "agent"), IDENTITY.format("", "human")])
def test_identities_that_name_no_person_are_passed_over(home: Path, text: str) -> None:
    (home / ".muse/identity.toml").write_text(text)
    assert find_author(str(home), environment(home)) == Author("ada", "the login name")


@pytest.mark.parametrize("name", ["a\\nb", "x\u202ey", "x" * 201, ""])
def test_a_name_that_no_commit_can_have_is_passed_over(home: Path, name: str) -> None:
    (home / ".gitconfig").write_text(f'[user]\n  name = "{name}"\n')
    assert find_author(str(home), environment(home)) == Author("ada", "the login name")


def test_without_git_it_is_not_asked(home: Path) -> None:
    names = environment(home) | {"PATH": ""}
    (home / ".gitconfig").write_text("[user]\n  name = Ada Lovelace\n")
    assert find_author(str(home / "not there yet"), names).name in ("ada", "Ada Lovelace")


def test_the_full_name_of_the_system_s_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    entry = pwd.struct_passwd(("ada", "x", 1, 1, "& Lovelace,Room 1,,", str(home), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", {"ada": entry}.__getitem__)
    assert find_author(str(home), environment(home)) == Author("Ada Lovelace", "the system's user")


def test_without_a_usable_name_it_is_the_login_name_as_it_is(home: Path) -> None:
    assert find_author(str(home), environment(home, "ad\udcff")) == Author("ad\udcff", "the login name")


def test_the_repository_s_own_name_goes_before_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository.init(home / "song", "midi", user_name='Ada "A" \\ Lovelace')
    assert repository.config().user_name == 'Ada "A" \\ Lovelace'
    monkeypatch.setattr(author_module, "find_author", None)
    assert author_of(repository, {}) == 'Ada "A" \\ Lovelace'


def test_a_repository_without_a_name_asks_at_each_commit(home: Path) -> None:
    repository = Repository.init(home / "song", "midi")
    assert author_of(repository, environment(home)) == "ada"
    assert repository.config().user_name == ""


def test_the_name_is_changed_in_place(home: Path) -> None:
    repository = Repository.init(home / "song", "midi")
    before = Path(repository.config_path).read_text()
    write_author(repository.config_path, " Grace ")
    assert Path(repository.config_path).read_text() == before.replace('name = ""', 'name = "Grace"')
    assert read_config(repository.config_path).user_name == "Grace"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[31m", "x" * 201])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Usage, match="not an author's name"):
        check_author(name)
