"""Who you are on which hub: ``~/.muse/identity.toml``, shared with the Muse client.

One table per hub, keyed ``host`` or ``host:port``.  The file holds tokens: it is written 0600 from its first byte,
atomically, never through a symbolic link, and no error ever quotes its content.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..core.errors import Usage
from .atomic import write_file
from .config import parse_toml, read_toml_text
from .lock import hold_lock

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}").fullmatch
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Identities(dict[str, "Identity"]):
    """Identities by key. ``faults`` says of every other table what is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, Usage] = {}


@dataclass(frozen=True, slots=True)
class Identity:
    """You on one hub. ``host`` is the key of the table, everything else its content."""

    host: str
    token: str
    name: str = ""
    id: str = ""
    type: str = "human"
    capabilities: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Identity(host={self.host!r}, name={self.name!r})"


def home_folder() -> Path:
    """The user's home. Raises :class:`Usage` when the system does not know it."""
    try:
        return Path.home()
    except RuntimeError as exc:
        raise Usage("there is no home folder", hint="Set HOME.") from exc


def identity_path() -> Path:
    """Where the identity file is, there or not."""
    return home_folder() / ".muse" / "identity.toml"


def host_keys(url: str) -> list[str]:
    """The keys under which the hub of ``url`` may stand: ``host:port`` and, for the scheme's own port, ``host``."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise Usage(f"not a URL: {url!r:.200}") from exc
    shown = f"[{host}]" if ":" in host else host
    default = _DEFAULT_PORTS.get(parts.scheme)
    if port is None or port == default:
        return [shown] if default is None else [shown, f"{shown}:{default}"]
    return [f"{shown}:{port}"]


def check_token(token: str, where: str) -> str:
    """Return ``token``, which is from ``where``. Raises :class:`Usage` when no token can be like that."""
    if not _TOKEN(token):
        raise Usage(f"the token in {where} has characters no token has", hint="Look for spaces and line ends in it.")
    return token


def loose_mode(path: Path) -> str:
    """A warning when others than the owner can read or write the file, else an empty string."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return ""
    return f"{path} can be read or written by others (mode {mode:04o}); run: chmod 600 {path}" if mode & 0o077 else ""


def read_identities(path: Path) -> Identities:
    """Return every identity by its key, none when there is no file.

    Raises :class:`Usage` naming the file, not its content.
    """
    identities = Identities()
    try:
        tables = parse_toml(read_toml_text(str(path)))
    except FileNotFoundError:
        return identities
    except Usage as exc:
        hint = "Mend the file by hand, or move it away and sign in to each hub again: museui login URL"
        raise Usage(f"{path}: {exc.message}", hint=hint, details={"path": str(path)}) from exc
    for key, table in _host_tables(tables):
        try:
            identities[key.lower()] = _parse_identity(key, table)
        except Usage as exc:
            hint = "Mend it by hand, or sign in to that hub again: museui login URL"
            identities.faults[key.lower()] = Usage(f"{path}: {exc.message}", hint=hint, details={"path": str(path)})
    return identities


def _host_tables(tables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each hub's table with its key; ``[hub.example.org]`` written without quotes is understood too."""
    for key, value in tables.items():
        if not isinstance(value, dict):
            continue
        if value and all(isinstance(inner, dict) for inner in value.values()):
            yield from _host_tables(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _parse_identity(host: str, table: Mapping[str, Any]) -> Identity:
    texts = {name: table.get(name, "") for name in ("token", "name", "id", "type")}
    capabilities = table.get("capabilities", [])
    wrong = next((name for name, value in texts.items() if not isinstance(value, str)), None)
    if wrong is not None:
        raise Usage(f"[{host!r}] {wrong} is not text")
    if not isinstance(capabilities, list) or not all(isinstance(item, str) for item in capabilities):
        raise Usage(f"[{host!r}] capabilities is not a list of texts")
    return Identity(host=host, capabilities=tuple(capabilities), **texts)


def key_for(url: str, path: Path) -> str:
    """The key under which an identity for the hub of ``url`` goes: the one it has, else ``host`` or ``host:port``."""
    keys = host_keys(url)
    known = read_identities(path)
    return next((key for key in keys if key in known or key in known.faults), keys[0])


def write_identity(identity: Identity, path: Path) -> None:
    """Add the identity to the file, or put it in the place of the one for the same hub; the rest stays.

    Raises :class:`Usage` when the file is damaged or a symbolic link.
    """
    import tomlkit

    check_token(identity.token, "the identity")

    def change(document: dict[str, Any]) -> None:
        table = document.get(identity.host)
        if not isinstance(table, dict):
            table = document[identity.host] = tomlkit.table()
        for name in ("type", "name", "id", "token"):
            table[name] = getattr(identity, name)
        table["capabilities"] = list(identity.capabilities)

    _edit(path, change)


def _edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with hold_lock(str(path.parent)):
        if path.is_symlink():
            raise Usage(f"{path} is a symbolic link; tokens are not written through one", hint="Put a file there.")
        try:
            document = tomlkit.parse(read_toml_text(str(path)))
        except FileNotFoundError:
            document = tomlkit.document()
        except (TOMLKitError, ValueError, RecursionError, Usage) as exc:
            reason = exc.message if isinstance(exc, Usage) else f"not valid TOML at line {getattr(exc, 'line', '?')}"
            raise Usage(f"{path}: {reason}", hint="Mend the file by hand.") from None
        change(document)
        write_file(str(path), tomlkit.dumps(document).encode(), mode=0o600, exact_mode=True)
