"""The terminal interface's settings in ``config.toml``, read before the daemon answers. Only the daemon writes them."""

from __future__ import annotations

from pathlib import Path

from museui.core.errors import Usage

from .actions import ACTIONS

_MAX_BYTES = 1 << 20


def read_theme(path: Path) -> str | None:
    """Return ``theme`` of the table ``[tui]`` in the file ``path``; None when it is missing or cannot be read.

    The daemon reports a file that cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
    except OSError:
        return None
    if b"[tui]" not in content:
        return None
    return parse_theme(content)


def parse_theme(content: bytes) -> str | None:
    """Return ``theme`` of the table ``[tui]`` in a TOML document; None when there is no such text."""
    import tomllib

    try:
        table = tomllib.loads(content.decode("utf-8-sig")).get("tui")
    except (ValueError, RecursionError):
        return None
    theme = table.get("theme") if isinstance(table, dict) else None
    return theme if isinstance(theme, str) else None


def read_keys(path: Path) -> dict[str, str]:
    """Return the table ``[keys]`` of the file ``path``: action id → keys. Raises :class:`Usage` for unknown ids.

    The daemon reports a file that cannot be read.
    """
    import tomllib

    try:
        with path.open("rb") as file:
            keys = tomllib.loads(file.read(_MAX_BYTES).decode("utf-8-sig")).get("keys", {})
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(keys, dict) or not all(isinstance(value, str) and value for value in keys.values()):
        raise Usage(f"{path}: [keys] is not a table of strings", hint='Write it like this: push = "p"')
    unknown = sorted(set(keys) - {action.id for action in ACTIONS})
    if unknown:
        known = ", ".join(action.id for action in ACTIONS)
        raise Usage(f"{path}: [keys] has {unknown[0]!r}, which is not an action", hint=f"The actions are: {known}.")
    return keys
