"""Find all mistakes in a ``config.toml``, each with its line, for the person who corrects the file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from museui.core.errors import Usage, shown
from museui.hub.trust import HubTrust
from museui.repo.config import parse_toml

from .config import Config, Watched, parse_tables, parse_watched
from .notify import Notify

_AT_LINE = re.compile(r"at line (\d+)").search
_TABLES = ("daemon", "hubs", "keys", "notify", "repositories", "tui")
_ANYWHERE = "/"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in a TOML file.

    ``line`` counts from 1 and is ``None`` when it is not known; ``key`` is dotted, as it would stand in the file.
    """

    line: int | None
    key: str
    message: str
    hint: str = ""


def find_mistakes(text: str, actions: Collection[str] = ()) -> list[Mistake]:
    """Return all mistakes in the configuration ``text``, in the order of the file as far as lines are known.

    ``actions``: the names that ``[keys]`` may have; when empty, that table is not checked.
    """
    try:
        tables = parse_toml(text)
    except Usage as exc:
        line = _AT_LINE(exc.message)
        return [Mistake(int(line[1]) if line else None, "", exc.message, exc.hint)]
    found = [
        Mistake(find_line(text, path), ".".join(map(str, path)), message, hint)
        for path, message, hint in _find(tables, actions)
    ]
    return sorted(found, key=lambda mistake: (mistake.line or 0, mistake.key))


_Found = tuple[tuple[str | int, ...], str, str]


def _find(tables: Mapping[str, Any], actions: Collection[str]) -> Iterator[_Found]:
    yield from _unknown((), tables, _TABLES)
    yield from _find_one_by_one(tables, "daemon", _names(Config) - {"notify", "hubs", "repositories", "invalid"})
    yield from _find_one_by_one(tables, "notify", _names(Notify))
    hubs = tables.get("hubs", {})
    yield from _try(("hubs",), {"hubs": hubs} if not isinstance(hubs, dict) else {})
    for host, hub in hubs.items() if isinstance(hubs, dict) else ():
        yield from _try(("hubs", host), {"hubs": {host: hub}})
        if not isinstance(hub, dict):
            continue
        values = {name: value for name, value in hub.items() if not isinstance(value, dict)}
        yield from _unknown(("hubs", host), values, _names(HubTrust))
    yield from _find_repositories(tables.get("repositories", []))
    tui = tables.get("tui", {})
    if not isinstance(tui, dict) or not isinstance(tui.get("theme", ""), str):
        yield ("tui",), "[tui] theme is not a text", ""
    yield from _unknown(("tui",), tui, ("theme",))
    keys = tables.get("keys", {})
    if not isinstance(keys, dict):
        yield ("keys",), "[keys] is not a table of texts", 'Like: push = "p"'
    elif actions:
        yield from _unknown(("keys",), keys, actions)
        wrong = [name for name, value in keys.items() if not (isinstance(value, str) and value)]
        yield from ((("keys", name), f"[keys] {name} is not a text", 'Like: push = "p"') for name in wrong)


def _find_one_by_one(tables: Mapping[str, Any], name: str, known: Collection[str]) -> Iterator[_Found]:
    """Check each key of a table by itself, so that the first mistake hides no other."""
    table = tables.get(name, {})
    if not isinstance(table, dict):
        yield from _try((name,), {name: table})
        return
    yield from _unknown((name,), table, known)
    private = {key: table[key] for key in ("webhook_private",) if isinstance(table.get(key), bool)}
    for key, value in table.items():
        yield from _try((name, key), {name: {**private, key: value}})


def _find_repositories(entries: Any) -> Iterator[_Found]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        yield from _try(("repositories",), {"repositories": entries})
        return
    seen: set[object] = set()
    for number, entry in enumerate(entries):
        where = ("repositories", number)
        yield from _unknown(where, entry, _names(Watched))
        path = entry.get("path")
        if path is None:
            yield where, "[[repositories]] has no path", 'The folder with .muse in it: path = "/music/song"'
        for key, value in entry.items():
            try:
                parse_watched({"path": path if isinstance(path, str) and path[:1] == "/" else _ANYWHERE, key: value})
            except Usage as exc:
                yield (*where, key), exc.message, exc.hint
        if isinstance(path, str) and path in seen:
            yield (*where, "path"), f"[[repositories]] {shown(path)} stands in the file twice", "Take one of them out."
        seen.add(path if isinstance(path, str) else None)


def _try(path: tuple[str | int, ...], tables: Mapping[str, Any]) -> Iterator[_Found]:
    try:
        parse_tables(tables)
    except Usage as exc:
        yield path, exc.message, exc.hint


def _unknown(path: tuple[str | int, ...], table: Any, known: Collection[str]) -> Iterator[_Found]:
    if isinstance(table, dict):
        for name in table.keys() - set(known):
            yield (*path, name), f"{shown(name)} means nothing here", f"There are: {', '.join(sorted(known))}."


def _names(cls: type[Any]) -> set[str]:
    return {item.name for item in fields(cls)}


def find_line(text: str, path: tuple[str | int, ...]) -> int | None:
    """Return the line, from 1, of the entry at ``path`` in the TOML ``text``; ``None`` when it is not found.

    The entry is removed from a copy; the first line that differs is its line.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document: Any = tomlkit.parse(text)
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        if isinstance(holder[path[-1]], (dict, list)):
            del holder[path[-1]]
        else:
            holder[path[-1]] = "\0"
        changed = tomlkit.dumps(document)
    except (TOMLKitError, LookupError, TypeError, ValueError, RecursionError):
        return None
    pairs = zip(text.splitlines(), changed.splitlines(), strict=False)
    same = next((number for number, (old, new) in enumerate(pairs) if old != new), changed.count("\n"))
    return same + 1
