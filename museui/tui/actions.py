"""Everything a person can do, once: bindings, footer, help, command palette and key configuration are made of this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Action:
    """``do`` is the method ``action_<do>`` of the screen ``where``, or of the app when that is everywhere or gone.

    ``keys`` are comma-separated; ``footer``: its place there, 0 for none; what has the highest place goes first when
    there is no room.
    """

    id: str
    do: str
    where: str
    keys: str
    label: str
    help: str
    footer: int = 0

    @property
    def namespace(self) -> str:
        """Where Textual looks for the method."""
        return "app" if self.where in ("everywhere", "gone") else "screen"


ACTIONS: tuple[Action, ...] = (
    Action("push", "push_now", "dashboard", "p", "push", "Push the repository now", 1),
    Action("retry", "retry", "dashboard", "r", "retry", "Try again what waits or has stopped", 1),
    Action("cancel", "cancel", "dashboard", "c", "cancel", "End the push that runs, or take it out of the queue", 2),
    Action("pause", "pause", "dashboard", "space", "pause", "Pause the repository, or go on", 1),
    Action("filter", "filter", "dashboard", "slash", "filter", "Show only the rows that match; escape shows all", 2),
    Action("copy", "copy", "dashboard", "y", "copy", "Copy the row, or what is said of the repository", 3),
    Action(
        "details", "details", "dashboard", "enter", "details", "Everything about the row: what is wrong, or its push", 2
    ),
    Action("all_history", "history", "dashboard", "H", "history", "Every push there was, with figures", 4),
    Action("repositories", "panel('repositories')", "dashboard", "1", "repositories", "Look at the repositories"),
    Action("push_panel", "panel('push')", "dashboard", "2", "push", "Look at the push"),
    Action("queue", "panel('queue')", "dashboard", "3", "queue", "Look at the queue"),
    Action("history", "panel('history')", "dashboard", "4", "history", "Look at the history"),
    Action("log", "panel('log')", "dashboard", "5", "log", "Look at the newest of the daemon's log"),
    Action("push.close", "close", "push", "escape", "back", "Go back", 1),
    Action("push.copy", "copy", "push", "y", "copy", "Copy all of it", 1),
    Action("push.retry", "retry", "push", "r", "retry", "Try again", 1),
    Action("repository.close", "close", "repository", "escape", "back", "Go back", 1),
    Action("repository.copy", "copy", "repository", "y", "copy", "Copy all of it", 1),
    Action("repository.retry", "retry", "repository", "r", "retry", "Try again, or look at it again", 1),
    Action("repository.sign_in", "sign_in", "repository", "i", "sign in", "Sign in to its hub", 2),
    Action("history.close", "close", "history", "escape", "back", "Go back; first the filter goes", 1),
    Action("history.details", "details", "history", "enter", "details", "Everything about the push", 1),
    Action("history.filter", "filter", "history", "slash", "filter", "Show only the pushes that match", 1),
    Action("history.copy", "copy", "history", "y", "copy", "Copy the row", 2),
    Action("add", "add", "dashboard", "a", "add", "Find repositories and look after them", 2),
    Action("remove", "remove", "dashboard", "delete", "remove", "Look after the repository no longer"),
    Action("sign_in", "sign_in", "dashboard", "i", "sign in", "Sign in to a hub"),
    Action("demo", "demo", "dashboard", "m", "demo", "See everything at work, in a folder that is gone afterwards"),
    Action("add.look_after", "look_after", "add", "space,enter", "watch", "Look after the repository, or no longer", 1),
    Action("add.look", "look", "add", "r", "look again", "Look below the folder again", 2),
    Action("add.above", "above", "add", "backspace", "folder above", "Begin with the folder above", 2),
    Action("add.remove", "remove", "add", "delete", "remove", "Look after the repository no longer", 2),
    Action("add.copy", "copy", "add", "y", "copy", "Copy what is said of the repository", 3),
    Action("add.close", "close", "add", "escape", "back", "Go back", 1),
    Action("doctor.examine", "examine", "doctor", "r", "run again", "Look at everything again", 1),
    Action("doctor.copy", "copy", "doctor", "y", "copy", "Copy what was found", 1),
    Action("doctor.close", "close", "doctor", "escape", "back", "Go back", 1),
    Action("settings.change", "change", "settings", "enter", "change", "Change the setting", 1),
    Action("settings.close", "close", "settings", "escape", "back", "Go back", 1),
    Action("hub.probe", "probe", "hub", "r", "ask again", "Ask the hubs again, and try again what waits", 1),
    Action("hub.copy", "copy", "hub", "y", "copy", "Copy what is said of the hub", 2),
    Action("hub.close", "close", "hub", "escape", "back", "Go back", 1),
    Action("log.follow", "follow", "log", "f", "follow", "Go to the newest line and follow what comes, or stay", 1),
    Action("log.filter", "filter", "log", "slash", "filter", "Show only the lines that match", 1),
    Action("log.copy", "copy", "log", "y", "copy", "Copy the line", 1),
    Action("log.copy_all", "copy_all", "log", "Y", "copy all", "Copy every line that is shown", 2),
    Action("log.close", "close", "log", "escape", "back", "Go back; first the filter goes", 1),
    Action("start", "start_daemon", "gone", "r", "start", "Start the daemon", 1),
    Action("whole_log", "open('log')", "everywhere", "L", "log", "Look at the daemon's log, whole"),
    Action("hub", "open('hub')", "everywhere", "b", "hubs", "Look at the hubs"),
    Action("doctor", "open('doctor')", "everywhere", "D,d", "doctor", "Look for what keeps commits from being safe"),
    Action("settings", "open('settings')", "everywhere", "s,comma", "settings", "Look at the settings and change them"),
    Action("theme", "theme", "everywhere", "t", "theme", "Choose the colours"),
    Action("help", "help", "everywhere", "question_mark,f1", "help", "Show every key of this screen", 1),
    Action("palette", "command_palette", "everywhere", "ctrl+p", "palette", "Find a command by its name", 4),
    Action("quit", "leave", "everywhere", "q,ctrl+c", "quit", "Leave; the daemon goes on", 1),
)

TITLES = {
    "dashboard": "Dashboard",
    "push": "A push",
    "repository": "A repository",
    "history": "History",
    "add": "Adding repositories",
    "doctor": "Doctor",
    "settings": "Settings",
    "log": "The daemon's log",
    "hub": "Hubs",
    "gone": "While the daemon is gone",
    "everywhere": "Everywhere",
}
"""What the places are called, in the order of the help."""
_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "f1": "F1",
    "ctrl+p": "^p",
    "ctrl+c": "^c",
    "space": "␣",
    "enter": "⏎",
    "escape": "esc",
}
_NAMES |= {"comma": ",", "delete": "del", "backspace": "⌫"}


def bindings(where: str) -> list[Binding]:
    """The keys of a screen, or of the app."""
    from textual.binding import Binding

    return [
        Binding(action.keys, action.do, action.label, show=False, id=action.id)
        for action in ACTIONS
        if action.where == where
    ]


def actions_of(where: str, actions: Sequence[Action] = ACTIONS) -> list[Action]:
    """What can be done on a screen, in the order of the list."""
    return [action for action in actions if action.where in (where, "everywhere")]


def with_keys(keys: Mapping[str, str]) -> tuple[Action, ...]:
    """The actions with other keys: an action's id → its keys, comma-separated."""
    return tuple(replace(action, keys=keys.get(action.id, action.keys)) for action in ACTIONS)


def show_keys(keys: str) -> str:
    """Keys as they are written on a keyboard."""
    return "  ".join(_NAMES.get(key, key) for key in keys.split(","))


def footer_actions(actions: Sequence[Action], width: int) -> list[Action]:
    """What a footer has room for, in order: first the least important go."""
    shown = [action for action in actions if action.footer]
    while len(shown) > 1 and sum(footer_width(action) for action in shown) > width:
        last = max(range(len(shown)), key=lambda place: (shown[place].footer, place))
        del shown[last]
    return shown


def footer_width(action: Action) -> int:
    """Cells of one entry: its first key, its label and what keeps it from the next."""
    return len(show_keys(action.keys.partition(",")[0])) + len(action.label) + 3
