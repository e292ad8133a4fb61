"""The author's name in commits: where it comes from, and how it is kept."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..core.errors import MuseError, Usage
from ..core.printable import is_line
from .config import make_table, read_document, write_document
from .identity import identity_path, read_identities
from .repository import Repository

_MAX_CHARS = 200
_GIT_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Author:
    """A name, and in words where it was found."""

    name: str
    source: str


def check_author(name: str) -> str:
    """Return ``name`` without surrounding spaces. Raises :class:`Usage` when commits cannot have it as author."""
    stripped = name.strip()
    if not _is_usable(stripped):
        raise Usage(
            f"not an author's name: {name!r:.100}", hint=f"One line of readable text, at most {_MAX_CHARS} characters."
        )
    return stripped


def author_of(repository: Repository, environment: Mapping[str, str]) -> str:
    """Return the author of the next commit: ``[user] name``, else :func:`find_author`'s. Raises :class:`Usage`."""
    return repository.config().user_name or find_author(str(repository.root), environment).name


def find_author(folder: str, environment: Mapping[str, str]) -> Author:
    """Return who commits in ``folder`` when its repository does not say so.

    That is the first usable name of: the identity file, git's ``user.name``, the full name that the system has for the
    user, the login name. When none is usable, the login name as it is, which may be empty; a commit refuses that.
    """
    found = Author("", "the login name")
    sources: tuple[tuple[str, Callable[[], str]], ...] = (
        ("the identity file", _from_identities),
        ("git's configuration", lambda: _from_git(folder, environment)),
        ("the system's user", lambda: _full_name(environment)),
        ("the login name", lambda: _login_name(environment)),
    )
    for source, read in sources:
        found = Author(read(), source)
        if _is_usable(found.name):
            break
    return found


def write_author(config_path: str, name: str) -> None:
    """Set ``[user] name`` in a repository's ``config.toml``. Raises :class:`Usage`."""
    document = read_document(config_path)
    make_table(document, "user")["name"] = check_author(name)
    write_document(config_path, document)


def _is_usable(name: str) -> bool:
    return 0 < len(name) <= _MAX_CHARS and is_line(name)


def _from_identities() -> str:
    with suppress(MuseError, OSError):
        people = (item.name.strip() for item in read_identities(identity_path()).values() if item.type == "human")
        return next(filter(_is_usable, people), "")
    return ""


def _from_git(folder: str, environment: Mapping[str, str]) -> str:
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        answer = subprocess.run(
            ["git", "config", "--get", "user.name"],
            cwd=folder if os.path.isdir(folder) else None,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
        return answer.stdout.decode().strip()
    return ""


def _full_name(environment: Mapping[str, str]) -> str:
    """Return the first field of GECOS, in which ``&`` stands for the login name; empty where there is none."""
    import pwd

    login = _login_name(environment)
    with suppress(KeyError, ValueError):
        return pwd.getpwnam(login).pw_gecos.partition(",")[0].replace("&", login.capitalize()).strip()
    return ""


def _login_name(environment: Mapping[str, str]) -> str:
    import pwd

    if named := environment.get("USER") or environment.get("LOGNAME"):
        return named
    with suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return ""
