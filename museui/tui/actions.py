"""All actions of the terminal interface: the source of its bindings, footer, help, command palette and ``[keys]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person can do by a key.

    ``do`` names the method ``action_<do>`` of the screen ``where``; for ``everywhere`` and ``gone``, of the app.
    ``keys`` are comma-separated. ``footer`` is its rank in the footer, 0 for none: when there is no room, the actions
    with the highest rank are left out first.
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
        """The namespace in which Textual finds the method."""
        return "app" if self.where in ("everywhere", "gone") else "screen"


ACTIONS: tuple[Action, ...] = (
    Action("push", "push_now", "dashboard", "p", "push", "Push the repository now", 1),
    Action("retry", "retry", "dashboard", "r", "retry", "Retry what waits or has stopped", 1),
    Action("cancel", "cancel", "dashboard", "c", "cancel", "Stop the running push, or take it out of the queue", 2),
    Action("pause", "pause", "dashboard", "space", "pause", "Pause or resume the repository", 1),
    Action("filter", "filter", "dashboard", "slash", "filter", "Show only the rows that match; escape shows all", 2),
    Action("copy", "copy", "dashboard", "y", "copy", "Copy the row, or the repository's details", 3),
    Action("details", "details", "dashboard", "enter", "details", "Show all about the row: its error or its push", 2),
    Action("all_history", "history", "dashboard", "H", "history", "Show every push, with figures", 4),
    Action("repositories", "panel('repositories')", "dashboard", "1", "repositories", "Show the repositories"),
    Action("push_panel", "panel('push')", "dashboard", "2", "push", "Show the push"),
    Action("queue", "panel('queue')", "dashboard", "3", "queue", "Show the queue"),
    Action("history", "panel('history')", "dashboard", "4", "history", "Show the history"),
    Action("log", "panel('log')", "dashboard", "5", "log", "Show the newest lines of the daemon's log"),
    Action("push.close", "close", "push", "escape", "back", "Go back", 1),
    Action("push.copy", "copy", "push", "y", "copy", "Copy all of it", 1),
    Action("push.retry", "retry", "push", "r", "retry", "Retry the push", 1),
    Action("repository.close", "close", "repository", "escape", "back", "Go back", 1),
    Action("repository.copy", "copy", "repository", "y", "copy", "Copy all of it", 1),
    Action("repository.retry", "retry", "repository", "r", "retry", "Retry its push, or check it again", 1),
    Action("repository.sign_in", "sign_in", "repository", "i", "sign in", "Sign in to its hub", 2),
    Action("history.close", "close", "history", "escape", "back", "Close the filter, or go back", 1),
    Action("history.details", "details", "history", "enter", "details", "Show all about the push", 1),
    Action("history.filter", "filter", "history", "slash", "filter", "Show only the pushes that match", 1),
    Action("history.copy", "copy", "history", "y", "copy", "Copy the row", 2),
    Action("add", "add", "dashboard", "a", "add", "Find repositories and watch them", 2),
    Action("remove", "remove", "dashboard", "delete", "remove", "Stop watching the repository"),
    Action("sign_in", "sign_in", "dashboard", "i", "sign in", "Sign in to a hub"),
    Action("demo", "demo", "dashboard", "m", "demo", "See everything at work, in a temporary folder"),
    Action("add.look_after", "look_after", "add", "space,enter", "watch", "Watch the repository, or stop", 1),
    Action("add.look", "look", "add", "r", "search again", "Search below the folder again", 2),
    Action("add.above", "above", "add", "backspace", "folder above", "Search the folder above", 2),
    Action("add.remove", "remove", "add", "delete", "remove", "Stop watching the repository", 2),
    Action("add.copy", "copy", "add", "y", "copy", "Copy the repository's details", 3),
    Action("add.close", "close", "add", "escape", "back", "Go back", 1),
    Action("doctor.examine", "examine", "doctor", "r", "run again", "Run all checks again", 1),
    Action("doctor.copy", "copy", "doctor", "y", "copy", "Copy the findings", 1),
    Action("doctor.close", "close", "doctor", "escape", "back", "Go back", 1),
    Action("settings.change", "change", "settings", "enter", "change", "Change the setting", 1),
    Action("settings.close", "close", "settings", "escape", "back", "Go back", 1),
    Action("hub.probe", "probe", "hub", "r", "ask again", "Ask the hubs again, and retry the queue", 1),
    Action("hub.copy", "copy", "hub", "y", "copy", "Copy the hub's details", 2),
    Action("hub.close", "close", "hub", "escape", "back", "Go back", 1),
    Action("log.follow", "follow", "log", "f", "follow", "Follow new lines, or stop following", 1),
    Action("log.filter", "filter", "log", "slash", "filter", "Show only the lines that match", 1),
    Action("log.copy", "copy", "log", "y", "copy", "Copy the line", 1),
    Action("log.copy_all", "copy_all", "log", "Y", "copy all", "Copy every line that is shown", 2),
    Action("log.close", "close", "log", "escape", "back", "Close the filter, or go back", 1),
    Action("start", "start_daemon", "gone", "r", "start", "Start the daemon", 1),
    Action("whole_log", "open('log')", "everywhere", "L", "log", "Show the daemon's whole log"),
    Action("hub", "open('hub')", "everywhere", "b", "hubs", "Show the hubs"),
    Action("doctor", "open('doctor')", "everywhere", "D,d", "doctor", "Find what keeps commits from being safe"),
    Action("settings", "open('settings')", "everywhere", "s,comma", "settings", "Show and change the settings"),
    Action("theme", "theme", "everywhere", "t", "theme", "Choose the colours"),
    Action("help", "help", "everywhere", "question_mark,f1", "help", "Show every key of this screen", 1),
    Action("palette", "command_palette", "everywhere", "ctrl+p", "palette", "Find a command by its name", 4),
    Action("quit", "leave", "everywhere", "q,ctrl+c", "quit", "Leave; the daemon keeps running", 1),
)

TITLES = {
    "dashboard": "Dashboard",
    "push": "A push",
    "repository": "A repository",
    "history": "History",
    "add": "Add repositories",
    "doctor": "Doctor",
    "settings": "Settings",
    "log": "The daemon's log",
    "hub": "Hubs",
    "gone": "While the daemon is gone",
    "everywhere": "Everywhere",
}
"""Screen → its title in the help, in the help's order."""
_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "f1": "F1",
    "ctrl+p": "^p",
    "ctrl+c": "^c",
    "space": "␣",
    "enter": "↵",
    "escape": "esc",
}
_NAMES |= {"comma": ",", "delete": "del", "backspace": "bksp"}


def bindings(where: str) -> list[Binding]:
    """Return the key bindings of a screen, or of the app."""
    from textual.binding import Binding

    return [
        Binding(action.keys, action.do, action.label, show=False, id=action.id)
        for action in ACTIONS
        if action.where == where
    ]


def actions_of(where: str, actions: Sequence[Action] = ACTIONS) -> list[Action]:
    """Return the actions of a screen and those of everywhere, in the order of the list."""
    return [action for action in actions if action.where in (where, "everywhere")]


def with_keys(keys: Mapping[str, str]) -> tuple[Action, ...]:
    """Return the actions with configured keys: action id → comma-separated keys."""
    return tuple(replace(action, keys=keys.get(action.id, action.keys)) for action in ACTIONS)


def show_keys(keys: str) -> str:
    """Return comma-separated key names as a keyboard labels them."""
    return "  ".join(_NAMES.get(key, key) for key in keys.split(","))


def footer_actions(actions: Sequence[Action], width: int) -> list[Action]:
    """Return the actions that a footer of ``width`` cells has room for; the least important are left out."""
    shown = [action for action in actions if action.footer]
    while len(shown) > 1 and sum(footer_width(action) for action in shown) > width:
        last = max(range(len(shown)), key=lambda place: (shown[place].footer, place))
        del shown[last]
    return shown


def footer_width(action: Action) -> int:
    """Return the cells of one footer entry: its first key, its label and the gap to the next."""
    return len(show_keys(action.keys.partition(",")[0])) + len(action.label) + 3
