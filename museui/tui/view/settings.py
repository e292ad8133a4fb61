"""The settings of a repository, of the terminal interface and of the daemon, each with an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from museui.core.errors import Usage
from museui.core.figures import render_count, render_span
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
    """One setting. ``value`` is shown; ``text`` is the text to edit, or the chosen one of ``options``."""

    id: str
    label: str
    value: str
    help: str
    kind: Kind = "fact"
    text: str = ""
    options: tuple[tuple[str, str], ...] = ()
    tone: Tone = "text"


def repository_settings(item: RepositoryView, now: float) -> list[Setting]:
    """Return the settings of a watched repository."""
    patterns = ", ".join(item.watched_branches)
    chosen = item.wanted_remote or f"automatic: {item.remote or 'none'}"
    snapshot = "yes" if item.snapshot_on_change else "no"
    return [
        Setting(
            "branches",
            "branches",
            "all" if patterns == "*" else patterns,
            "Branches to push: names and patterns such as take-*, separated by commas. * means all.",
            "text",
            patterns,
        ),
        Setting(
            "remote",
            "remote",
            chosen,
            "Remote to push to: a name or a URL. Empty: the only remote, or origin.",
            "text",
            item.wanted_remote or "",
        ),
        Setting(
            "pause",
            "pause",
            describe_pause(item, now),
            "Nothing is pushed while the repository is paused.",
            "choice",
            "none" if not item.paused else "forever" if item.paused_until is None else "hour",
            PAUSES,
            "wait" if item.paused else "text",
        ),
        Setting(
            "snapshot_on_change",
            "commit by itself",
            snapshot,
            "Commit the work tree automatically when it changes.",
            "choice",
            snapshot,
            SNAPSHOTS,
        ),
        Setting("path", "folder", item.path, "Folder of the repository.", tone="quiet"),
        Setting("url", "pushed to", item.url or "–", "Address that the repository is pushed to.", tone="quiet"),
    ]


def own_settings(state: State, theme: str, themes: Sequence[str], now: float) -> list[Setting]:
    """Return the terminal interface's settings, then facts about the daemon."""
    options = tuple((name, name) for name in themes)
    settings = [Setting("theme", "theme", theme, "Colours of the terminal interface.", "choice", theme, options)]
    for daemon in state.daemon.values():
        trouble = daemon.watching_trouble
        watching = render_count(daemon.watches, "folder") if not trouble else trouble.message
        facts = (
            ("version", daemon.version, "Version of the daemon.", "quiet"),
            ("process", str(daemon.pid), "Process id of the daemon.", "quiet"),
            ("runs for", render_age(now - daemon.started_at), "Time since the daemon was started.", "quiet"),
            (
                "watches",
                watching,
                trouble.hint if trouble else "Folders whose changes the system reports.",
                "wait" if trouble else "quiet",
            ),
            (
                "pushes at once",
                str(daemon.parallel_pushes),
                "To change it, set parallel_pushes in config.toml.",
                "quiet",
            ),
        )
        settings += [Setting(label, label, value, text, tone=tone) for label, value, text, tone in facts]  # type: ignore[arg-type]
        settings += [
            Setting(f"trouble {place}", "trouble", item.message, item.hint, tone="bad")
            for place, item in enumerate(daemon.troubles)
        ]
    return settings


def describe_pause(item: RepositoryView, now: float) -> str:
    """Return whether a repository is paused and for how long."""
    if not item.paused:
        return "not paused"
    return "without an end" if item.paused_until is None else f"for {render_span(item.paused_until - now)} more"


def parse_patterns(text: str) -> list[str]:
    """Return the comma-separated branch patterns of a text. Raises :class:`Usage` when one is empty."""
    patterns = [part.strip() for part in text.split(",")]
    if not all(patterns):
        raise Usage("a pattern is missing", hint="Separate names by commas, or enter * for all.")
    return patterns


def end_of_pause(choice: str, now: float) -> float | None:
    """Return when a pause ends in Unix seconds; None for one without an end. Tomorrow begins at local midnight."""
    if choice == "hour":
        return now + 3600.0
    if choice == "tomorrow":
        today = datetime.fromtimestamp(now).astimezone()
        midnight = (today + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        return midnight.timestamp()
    return None
