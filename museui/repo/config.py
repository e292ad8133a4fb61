"""``.muse/config.toml``: who commits here and where it is pushed; shared with the Muse client.

Reading uses the standard library; an edit keeps comments, order and formatting (and so needs tomlkit, later).
"""

from __future__ import annotations

import codecs
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..core.errors import Invalid, MuseError, NotFound, Usage
from ..core.names import check_branch, check_name
from .atomic import replace_file
from .files import read_file

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import Table

MAX_CONFIG_BYTES = 1 << 20

NEW_CONFIG = """\
[user]
name = {name}
email = ""
type = "human"    # "human" | "agent"

[hub]
# url = "https://hub.example.org"
# Credentials are kept in ~/.muse/identity.toml, never here.

[remotes]

[domain]
# Domain-specific configuration. Keys depend on the active domain plugin.
"""
NEW_BARE = "\n[core]\nbare = true\n"


@dataclass(frozen=True, slots=True)
class Remote:
    """One of ``[remotes]``: its name, its URL, and the upstream branch when one is set."""

    name: str
    url: str
    branch: str | None = None


class Remotes(dict[str, Remote]):
    """Remotes by name, in the order of the file. ``faults`` says of every other entry, by its name, what is wrong."""

    def __init__(self, remotes: Mapping[str, Remote] = {}, faults: Mapping[str, MuseError] = {}) -> None:
        super().__init__(remotes)
        self.faults = dict(faults)


@dataclass(frozen=True, slots=True)
class Config:
    """What MuseUI reads of ``config.toml``; what is not there is empty."""

    user_name: str = ""
    bare: bool = False
    remotes: Remotes = field(default_factory=Remotes)


def parse_config(text: str) -> Config:
    """The configuration in ``text``; an entry of ``[remotes]`` that makes no sense is one of its faults.

    Raises :class:`Usage` saying what else is wrong and in which table.
    """
    tables = parse_toml(text)
    user, core, remotes = (_table(tables, name) for name in ("user", "core", "remotes"))
    bare = core.get("bare", False)
    if not isinstance(bare, bool):
        raise Usage("[core] bare is neither true nor false")
    return Config(
        user_name=_text(user, "user", "name"),
        bare=bare,
        remotes=_parse_remotes(remotes),
    )


def parse_toml(text: str) -> dict[str, Any]:
    """The tables in ``text``. Raises :class:`Usage` with line and column."""
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as exc:
        raise Usage(f"not valid TOML: {exc}"[:400]) from exc


def _table(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = tables.get(name, {})
    if not isinstance(value, dict):
        raise Usage(f"[{name}] is not a table")
    return value


def _text(table: Mapping[str, Any], table_name: str, name: str) -> str:
    value = table.get(name, "")
    if not isinstance(value, str):
        raise Usage(f"[{table_name}] {name} is not text")
    return value


def _parse_remotes(tables: dict[str, Any]) -> Remotes:
    remotes: dict[str, Remote] = {}
    faults: dict[str, MuseError] = {}
    for name in tables:
        try:
            remotes[name] = _parse_remote(tables, name)
        except (Usage, Invalid) as exc:
            hint = f"Mend it by hand, or take it out: museui remote remove {shlex.quote(name)}"
            faults[name] = Usage(exc.message, hint=hint, details={"remote": name})
    return Remotes(remotes, faults)


def _parse_remote(remotes: dict[str, Any], name: str) -> Remote:
    where = f"remotes.{name}"
    check_name(name, "remote")
    table = remotes[name]
    if not isinstance(table, dict):
        raise Usage(f"[{where}] is not a table")
    url = _text(table, where, "url")
    if not url:
        raise Usage(f"[{where}] has no url")
    return Remote(name, url, _text(table, where, "branch") or None)


def read_config(path: str) -> Config:
    """The configuration in the file ``path``, the defaults when there is none. Raises :class:`Usage` naming it."""
    try:
        config = parse_config(read_toml_text(path))
    except FileNotFoundError:
        return Config()
    except Usage as exc:
        hint = exc.hint or "Mend the file by hand; [remotes] in it says where the repository is pushed to."
        raise Usage(f"{path}: {exc.message}", hint=hint, details={"path": path}) from exc
    faults = config.remotes.faults
    for name, fault in faults.items():
        faults[name] = Usage(f"{path}: {fault.message}", hint=fault.hint, details={**fault.details, "path": path})
    return config


def read_toml_text(path: str) -> str:
    """The text of a TOML file, without the mark that some editors put before it.

    Raises :class:`FileNotFoundError`, :class:`Usage` when it is not UTF-8.
    """
    content = read_file(path, MAX_CONFIG_BYTES, follow=True)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise Usage("it is UTF-16, and must be UTF-8", hint="Save it as UTF-8.") from exc
        raise Usage(f"not valid UTF-8 at byte {exc.start}", hint="Save it as UTF-8.") from exc


def set_remote(path: str, remote: Remote) -> None:
    """Add a remote to the file, or change it; what else stands in its table, and in the file, stays.

    Raises :class:`Usage`, and :class:`Invalid` for a name or branch that cannot be one.
    """
    check_name(remote.name, "remote")
    if remote.branch is not None:
        check_branch(remote.branch)
    import tomlkit
    from tomlkit.items import Table

    document = read_document(path)
    remotes = make_table(document, "remotes")
    table = remotes.get(remote.name)
    if table is None:
        table = remotes[remote.name] = tomlkit.table()
    elif not isinstance(table, dict):
        raise Usage(f"{path}: [remotes.{remote.name}] is not a table")
    is_new = not table
    table["url"] = remote.url
    if remote.branch is not None:
        table["branch"] = remote.branch
    if is_new and isinstance(table, Table):
        table.add(tomlkit.nl())
    write_document(path, document)


def remove_remote(path: str, name: str) -> None:
    """Take a remote out of the file. Raises :class:`NotFound` when it is not there."""
    document = read_document(path)
    remotes = make_table(document, "remotes")
    if name not in remotes:
        raise NotFound(f"there is no remote called {name!r}", hint="'museui remote list' shows them.")
    del remotes[name]
    write_document(path, document)


def make_table(document: TOMLDocument, name: str) -> Table | dict[str, Any]:
    """Return the table ``name``, made when there is none. Raises :class:`Usage` when something else is called so."""
    import tomlkit

    table = document.get(name)
    if table is None:
        table = document[name] = tomlkit.table()
    if not isinstance(table, dict):
        raise Usage(f"[{name}] is not a table")
    return table


def read_document(path: str) -> TOMLDocument:
    """Return a TOML file to be edited, an empty one when there is none. Raises :class:`Usage`."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(read_toml_text(path))
    except FileNotFoundError:
        return tomlkit.document()
    except (TOMLKitError, ValueError, RecursionError, Usage) as exc:
        raise Usage(f"{path}: {exc}"[:400], hint="Mend the file by hand.", details={"path": path}) from exc


def write_document(path: str, document: TOMLDocument) -> None:
    """Write the file with the mode it had; what results is read first, so that no edit can break the file."""
    import tomlkit

    text = tomlkit.dumps(document)
    parse_toml(text)
    if os.path.islink(path):
        raise Usage(f"{path} is a symbolic link; MuseUI does not write through it", hint="Edit its target by hand.")
    replace_file(path, text.encode())
