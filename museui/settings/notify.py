"""``[notify]`` of the configuration: who is notified, and after how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from museui.core.errors import Usage
from museui.core.printable import is_line

_MAX_MINUTES = 60 * 24 * 365


@dataclass(frozen=True, slots=True)
class Notify:
    """Settings of notifications. ``webhook_private``: the webhook may be at an address that is not public."""

    unsafe_after_minutes: int = 60
    desktop: bool = True
    command: tuple[str, ...] = ()
    webhook: str | None = None
    webhook_private: bool = False


def parse_notify(table: Mapping[str, Any]) -> Notify:
    """Return the settings in ``table``. Raises :class:`Usage` naming the field."""
    flags: dict[str, bool] = {}
    for name, default in (("desktop", True), ("webhook_private", False)):
        value = table.get(name, default)
        if not isinstance(value, bool):
            raise Usage(f"[notify] {name} is not true or false")
        flags[name] = value
    command = table.get("command", [])
    if not isinstance(command, list) or not all(isinstance(word, str) and "\0" not in word for word in command):
        raise Usage('[notify] command is not a list of texts: ["program", "argument"]')
    if command and not command[0]:
        raise Usage("[notify] command names no program")
    webhook = table.get("webhook")
    if webhook is not None:
        webhook = check_webhook(webhook, flags["webhook_private"])
    minutes = parse_minutes(table.get("unsafe_after_minutes", 60), "[notify] unsafe_after_minutes")
    return Notify(minutes, flags["desktop"], tuple(command), webhook, flags["webhook_private"])


def check_webhook(url: object, private: bool) -> str:
    """Return the URL of a webhook; without TLS only when ``private``. Raises :class:`Usage` for anything else."""
    parts = None
    if isinstance(url, str) and is_line(url) and " " not in url:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts = None
    if parts is None or not parts.hostname or parts.username is not None or port == 0:
        raise Usage("[notify] webhook is not a URL like https://example.org/hook")
    if parts.scheme != "https" and not (parts.scheme == "http" and private):
        raise Usage("[notify] webhook is not https", hint="webhook_private = true lets it be http within a network.")
    return str(url)


def parse_minutes(value: object, where: str) -> int:
    """Return a whole number of minutes. Raises :class:`Usage` naming ``where``."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAX_MINUTES:
        raise Usage(f"{where} is not a whole number from 1 to {_MAX_MINUTES}")
    return value
