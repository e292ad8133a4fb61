"""The settings of a repository, of the terminal interface and of the daemon, each with what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from museui.core.errors import Usage
from museui.core.figures import render_span
from museui.local.messages import RepositoryView
from museui.local.state import State

from .clock import render_age
from .status import Tone

Kind = Literal["text", "choice", "fact"]
PAUSES = (
    ("none", "not paused"),
    ("hour", "for an hour"),
    ("tomorrow", "until tomorrow"),
    ("forever", "without an end"),
)
SNAPSHOTS = (("no", "no"), ("yes", "yes"))


@dataclass(frozen=True, slots=True)
class Setting:
    """One line. ``value`` is what is shown, ``text`` what is edited, or the present one of ``options``."""

    id: str
    label: str
    value: str
    help: str
    kind: Kind = "fact"
    text: str = ""
    options: tuple[tuple[str, str], ...] = ()
    tone: Tone = "text"


def repository_settings(item: RepositoryView, now: float) -> list[Setting]:
    """How a repository is looked after."""
    patterns = ", ".join(item.watched_branches)
    chosen = item.wanted_remote or f"by itself: {item.remote or 'there is none'}"
    snapshot = "yes" if item.snapshot_on_change else "no"
    return [
        Setting(
            "branches",
            "branches",
            "all" if patterns == "*" else patterns,
            "Which branches are pushed: names and patterns such as take-*, with commas between. * is all.",
            "text",
            patterns,
        ),
        Setting(
            "remote",
            "remote",
            chosen,
            "Where to push: a remote's name, or a URL. Nothing: the only remote, or origin.",
            "text",
            item.wanted_remote or "",
        ),
        Setting(
            "pause",
            "pause",
            describe_pause(item, now),
            "While it is paused nothing is pushed.",
            "choice",
            "none" if not item.paused else "forever" if item.paused_until is None else "hour",
            PAUSES,
            "wait" if item.paused else "text",
        ),
        Setting(
            "snapshot_on_change",
            "commit by itself",
            snapshot,
            "Commit the work tree by itself when something in it has changed.",
            "choice",
            snapshot,
            SNAPSHOTS,
        ),
        Setting("path", "folder", item.path, "Where it is.", tone="quiet"),
        Setting("url", "pushed to", item.url or "–", "Where it is pushed to.", tone="quiet"),
    ]


def own_settings(state: State, theme: str, themes: Sequence[str], now: float) -> list[Setting]:
    """The terminal interface's settings, then what there is to know of the daemon."""
    options = tuple((name, name) for name in themes)
    settings = [Setting("theme", "theme", theme, "The colours of this interface.", "choice", theme, options)]
    for daemon in state.daemon.values():
        trouble = daemon.watching_trouble
        watching = f"{daemon.watches} folders, by the system's notices" if not trouble else trouble.message
        facts = (
            ("version", daemon.version, "Of the daemon that runs.", "quiet"),
            ("process", str(daemon.pid), "The daemon's process.", "quiet"),
            ("runs for", render_age(now - daemon.started_at), "How long the daemon runs.", "quiet"),
            ("watches", watching, trouble.hint if trouble else "", "wait" if trouble else "quiet"),
            ("pushes at once", str(daemon.parallel_pushes), "parallel_pushes in config.toml changes it.", "quiet"),
        )
        settings += [Setting(label, label, value, text, tone=tone) for label, value, text, tone in facts]  # type: ignore[arg-type]
        settings += [
            Setting(f"trouble {place}", "trouble", item.message, item.hint, tone="bad")
            for place, item in enumerate(daemon.troubles)
        ]
    return settings


def describe_pause(item: RepositoryView, now: float) -> str:
    """Whether and how long it is paused."""
    if not item.paused:
        return "not paused"
    return "without an end" if item.paused_until is None else f"for {render_span(item.paused_until - now)} more"


def parse_patterns(text: str) -> list[str]:
    """Branch patterns with commas between. Raises :class:`Usage` when there is none."""
    patterns = [part.strip() for part in text.split(",")]
    if not all(patterns):
        raise Usage("there is a pattern missing", hint="Names with commas between, or * for all.")
    return patterns


def end_of_pause(choice: str, now: float) -> float | None:
    """When a pause ends, in seconds since 1970, None: it does not. Tomorrow begins at midnight, here."""
    if choice == "hour":
        return now + 3600.0
    if choice == "tomorrow":
        today = datetime.fromtimestamp(now).astimezone()
        midnight = (today + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        return midnight.timestamp()
    return None
