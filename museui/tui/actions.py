"""Everything a person can do, once: footer, help, command palette and key configuration are made of this list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """``id`` is the app's method ``action_<id>``, ``keys`` are comma-separated; ``footer``: its label is shown there."""

    id: str
    keys: str
    label: str
    help: str
    group: str
    footer: bool = True


ACTIONS: tuple[Action, ...] = (
    Action("push_now", "p", "push", "Push the repository's branch now", "Repository"),
    Action("retry", "r", "retry", "Try again what waits or has stopped", "Repository"),
    Action("cancel", "c", "cancel", "End the push that runs, or take it out of the queue", "Repository"),
    Action("pause", "space", "pause", "Pause the repository, or go on", "Repository"),
    Action("filter", "slash", "filter", "Show only the rows that match", "View"),
    Action("details", "enter", "details", "Everything about the row", "View", footer=False),
    Action("copy", "y", "copy", "Copy the row, or the error", "View", footer=False),
    Action("add", "a", "add", "Watch another repository", "Repository"),
    Action("remove", "delete,backspace", "remove", "Watch the repository no longer", "Repository", footer=False),
    Action("panel('repositories')", "1", "repositories", "Go to the repositories", "View", footer=False),
    Action("panel('push')", "2", "push", "Go to the push", "View", footer=False),
    Action("panel('queue')", "3", "queue", "Go to the queue", "View", footer=False),
    Action("panel('history')", "4", "history", "Go to the history", "View", footer=False),
    Action("panel('log')", "5", "log", "Go to the log", "View", footer=False),
    Action("help", "question_mark,f1", "help", "Every key", "Program"),
    Action("quit", "q,ctrl+q", "quit", "Leave; the daemon goes on", "Program"),
)
