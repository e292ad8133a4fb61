"""Everything a person can do, once: footer, help, command palette and key configuration are made of this list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """``id`` is the app's method ``action_<id>``, ``keys`` are comma-separated; ``footer``: shown there."""

    id: str
    keys: str
    label: str
    help: str
    group: str
    footer: bool = True


ACTIONS: tuple[Action, ...] = (
    Action("push_now", "p", "push", "Push the repository now", "Repository"),
    Action("retry", "r", "retry", "Try again what waits or has stopped", "Repository"),
    Action("cancel", "c", "cancel", "End the push that runs, or take it out of the queue", "Repository"),
    Action("pause", "space", "pause", "Pause the repository, or go on", "Repository"),
    Action("filter", "slash", "filter", "Show only the rows that match; escape shows all", "View"),
    Action("copy", "y", "copy", "Copy what is shown of the repository", "View"),
    Action("panel('repositories')", "1", "repositories", "The repositories", "View", footer=False),
    Action("panel('push')", "2", "push", "The push", "View", footer=False),
    Action("panel('queue')", "3", "queue", "The queue", "View", footer=False),
    Action("panel('history')", "4", "history", "The history", "View", footer=False),
    Action("panel('log')", "5", "log", "The log", "View", footer=False),
    Action("help", "question_mark,f1", "help", "This list", "Program"),
    Action("leave", "q", "quit", "Leave; the daemon goes on", "Program"),
)

_NAMES = {"question_mark": "?", "slash": "/", "f1": "F1"}


def show_keys(keys: str) -> str:
    """Keys as they are written on a keyboard."""
    return "  ".join(_NAMES.get(key, key) for key in keys.split(","))
