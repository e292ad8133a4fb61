"""``config.toml`` in the user's configuration folder: which repositories are looked after and how, and the hubs.

This file is the truth; the database may be lost. An edit by the daemon keeps comments and order, and is atomic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from museui.core.errors import NotFound, Usage
from museui.hub.trust import HubTrust
from museui.repo.atomic import replace_file
from museui.repo.config import parse_toml, read_toml_text

from .hubs import parse_hubs
from .notify import Notify, parse_minutes, parse_notify
from .values import Between, check_pattern, parse_between, parse_speed

FOREVER = float("inf")
_NUMBERS = (
    ("parallel_pushes", 1, 64),
    ("history_days", 1, 36500),
    ("stall_seconds", 1, 60),
    ("snapshot_quiet_seconds", 1, 86400),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A repository's settings. ``paused_until``: seconds since 1970, infinite for no end, ``None``: not paused."""

    path: str
    remote: str | None = None
    branches: tuple[str, ...] = ("*",)
    paused_until: float | None = None
    snapshot_on_change: bool = False
    unsafe_after_minutes: int | None = None

    @property
    def id(self) -> str:
        """The repository's name in the local API, made from its path."""
        return repository_id(self.path)

    def wants(self, branch: str) -> bool:
        """Return whether the branch is to be pushed."""
        return any(fnmatchcase(branch, pattern) for pattern in self.branches)

    def paused(self, now: float) -> bool:
        """Return whether pushes are paused at ``now``, in seconds since 1970."""
        return self.paused_until is not None and now < self.paused_until


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of ``config.toml``; a missing entry has its default."""

    parallel_pushes: int = 2
    history_days: int = 365
    stall_seconds: int = 60
    upload_limit: float | None = None
    """Maximum speed of all pushes together, in bytes per second."""
    push_between: Between | None = None
    snapshot_quiet_seconds: int = 30
    snapshot_message: str = "Snapshot of {date} {time}"
    notify: Notify = field(default_factory=Notify)
    hubs: Mapping[str, HubTrust] = field(default_factory=dict)
    repositories: Mapping[str, Watched] = field(default_factory=dict)
    invalid: Mapping[str, Usage] = field(default_factory=dict)
    """Errors of invalid entries in ``[[repositories]]`` by path; the path is empty where an entry has none."""


def repository_id(path: str) -> str:
    """Return the id of the repository at ``path``: twelve hexadecimal digits."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def clean_path(path: object) -> object:
    """Return an absolute path in its normal form: ``/a/b`` for ``/a//b/``; anything else unchanged."""
    if not isinstance(path, str) or not path.startswith("/"):
        return path
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def parse_config(text: str) -> Config:
    """Return the configuration in ``text``. Raises :class:`Usage` saying what is wrong and where."""
    return parse_tables(parse_toml(text))


def parse_tables(tables: Mapping[str, Any], *, strict: bool = True) -> Config:
    """Return the configuration in a parsed file. Raises :class:`Usage` saying what is wrong and where.

    Unless ``strict``, invalid entries of ``[[repositories]]`` are returned as such and the others are read.
    """
    daemon = tables.get("daemon", {})
    if not isinstance(daemon, dict):
        raise Usage("[daemon] is not a table")
    numbers: dict[str, int] = {}
    for name, low, high in _NUMBERS:
        value = daemon.get(name, next(item.default for item in fields(Config) if item.name == name))
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Usage(f"[daemon] {name} is not a whole number from {low} to {high}")
        numbers[name] = value
    notify = tables.get("notify", {})
    if not isinstance(notify, dict):
        raise Usage("[notify] is not a table")
    entries = tables.get("repositories", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Usage("[[repositories]] is not a list of tables")
    watched, invalid = [], {}
    for entry in entries:
        try:
            watched.append(parse_watched(entry))
        except Usage as exc:
            if strict:
                raise
            invalid[str(clean_path(entry.get("path", "")))] = exc
    message = daemon.get("snapshot_message", Config().snapshot_message)
    if not isinstance(message, str) or not message.strip():
        raise Usage("[daemon] snapshot_message is not a text")
    limit, between = daemon.get("upload_limit"), daemon.get("push_between")
    return Config(
        **numbers,
        upload_limit=None if limit is None else parse_speed(limit, "[daemon] upload_limit"),
        snapshot_message=message,
        notify=parse_notify(notify),
        hubs=parse_hubs(tables.get("hubs", {})),
        push_between=None if between is None else parse_between(between, "[daemon] push_between"),
        repositories={entry.path: entry for entry in watched},
        invalid=invalid,
    )


def parse_watched(entry: Mapping[str, Any]) -> Watched:
    """Return one entry of ``[[repositories]]``. Raises :class:`Usage` naming the field."""
    path = clean_path(entry.get("path"))
    if not isinstance(path, str) or not path.startswith("/") or "\0" in path:
        raise Usage("[[repositories]] path is not an absolute path")
    try:
        path.encode()
    except UnicodeEncodeError as exc:
        raise Usage(f"the name of the folder is not valid UTF-8: {path!r:.200}", hint="Rename it.") from exc

    def wrong(name: str, what: str) -> Usage:
        return Usage(f"[[repositories]] {path}: {name} is not {what}")

    remote = entry.get("remote")
    if remote is not None and (not isinstance(remote, str) or not remote):
        raise wrong("remote", "the name of a remote or a URL")
    branches = entry.get("branches", ["*"])
    if not isinstance(branches, list) or not branches:
        raise wrong("branches", "a list of patterns")
    for pattern in branches:
        check_pattern(pattern)
    paused = entry.get("paused_until")
    if paused is not None and (not isinstance(paused, (int, float)) or isinstance(paused, bool) or paused != paused):
        raise wrong("paused_until", "a time in seconds since 1970")
    snapshot = entry.get("snapshot_on_change", False)
    if not isinstance(snapshot, bool):
        raise wrong("snapshot_on_change", "true or false")
    minutes = entry.get("unsafe_after_minutes")
    if minutes is not None:
        minutes = parse_minutes(minutes, f"[[repositories]] {path}: unsafe_after_minutes")
    return Watched(path, remote, tuple(branches), None if paused is None else float(paused), snapshot, minutes)


class ConfigFile:
    """The file at ``path``, which need not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._watches = False

    def read(self) -> Config:
        """Return the file as it is now; a repository that makes no sense is in ``wrong``.

        Raises :class:`Usage` naming the file.
        """
        try:
            config = parse_tables(parse_toml(read_toml_text(str(self.path))), strict=False)
        except FileNotFoundError:
            self._check_gone()
            return Config()
        except Usage as exc:
            raise self._name(exc) from exc
        self._watches = bool(config.repositories or config.invalid)
        return replace(config, invalid={path: self._name(exc) for path, exc in config.invalid.items()})

    def _name(self, exc: Usage) -> Usage:
        hint = "Mend the file: 'museui config validate' shows the line. It is read again then."
        return Usage(f"{self.path}: {exc.message}", hint=hint)

    def _check_gone(self) -> None:
        """A file that is suddenly not there is no order to watch nothing any more. Raises :class:`Usage`."""
        if self._watches:
            raise Usage(f"{self.path} is gone", hint="Bring it back; an empty one is how nothing is to be watched.")

    def put(self, watched: Watched, former_path: str | None = None) -> None:
        """Add a repository, or change it; ``former_path`` is where it was before it was moved.

        Raises :class:`Usage`.
        """
        parse_watched(
            {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(watched).items()}
        )
        names = {former_path or watched.path, watched.path}

        def change(document: Any) -> None:
            import tomlkit

            tables = document.setdefault("repositories", tomlkit.aot())
            table = next((table for table in tables if clean_path(table.get("path")) in names), None)
            if table is None:
                table = tomlkit.table()
                tables.append(table)
            for item in fields(Watched):
                value = getattr(watched, item.name)
                if value == item.default:
                    table.pop(item.name, None)
                else:
                    table[item.name] = list(value) if isinstance(value, tuple) else value

        self._edit(change)

    def change_remote(self, path: str, former: str, remote: str) -> None:
        """Have a repository pushed to ``remote``, unless it is not to be pushed to ``former`` any more."""
        watched = self.read().repositories.get(path)
        if watched and watched.remote == former:
            self.put(replace(watched, remote=remote))

    def remove(self, path: str) -> None:
        """Take a repository out. Raises :class:`NotFound`."""

        def change(document: Any) -> None:
            tables = document.get("repositories", [])
            index = next((number for number, table in enumerate(tables) if clean_path(table.get("path")) == path), None)
            if index is None:
                raise NotFound(f"{path} is not watched", hint="`museui watch list` shows what is.")
            del tables[index]
            if not tables:
                del document["repositories"]

        self._edit(change)

    def set_theme(self, theme: str) -> None:
        """Keep the theme of the terminal interface; the daemon makes nothing of it. Raises :class:`Usage`."""

        def change(document: Any) -> None:
            import tomlkit

            table = document.setdefault("tui", tomlkit.table())
            if not isinstance(table, dict):
                raise Usage(f"{self.path}: [tui] is not a table", hint="Mend the file by hand.")
            table["theme"] = theme

        self._edit(change)

    def _edit(self, change: Callable[[Any], None]) -> None:
        import tomlkit
        from tomlkit.exceptions import TOMLKitError

        try:
            document = tomlkit.parse(read_toml_text(str(self.path)))
        except FileNotFoundError:
            self._check_gone()
            document = tomlkit.document()
        except (TOMLKitError, ValueError, RecursionError) as exc:
            raise Usage(f"{self.path}: {exc}"[:400], hint="Mend the file by hand.") from exc
        change(document)
        text = tomlkit.dumps(document)
        parse_tables(parse_toml(text), strict=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(str(self.path.resolve()), text.encode())  # it may be a link to where people keep their settings
