"""The empty states of the dashboard: a few lines in its middle when there is nothing to list."""

from __future__ import annotations

from dataclasses import dataclass

from museui.core.errors import MuseError
from museui.local.state import State

from .status import Tone


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to do in an empty state: ``action`` is the action's id, ``command`` does the same in a terminal."""

    action: str
    title: str
    command: str


@dataclass(frozen=True, slots=True)
class EmptyState:
    """An empty state: a ``title`` in ``tone``, ``lines`` below it, then the choices."""

    title: str
    tone: Tone
    lines: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()

    def offers(self, action: str) -> bool:
        """Return whether this action of the dashboard can be used now: only the choices can."""
        return any(choice.action == action for choice in self.choices)


FIRST_RUN = EmptyState(
    "Welcome to MuseUI",
    "text",
    (
        "It watches your Muse repositories and pushes every commit to your hub.",
        "Here you see whether every commit is safe there and, if not, what to do.",
    ),
    (
        Choice("sign_in", "Sign in to a hub", "museui login https://HUB"),
        Choice("add", "Add a repository", "museui watch add FOLDER"),
        Choice("demo", "Try the demo, which leaves nothing behind", "museui demo"),
    ),
)


def find_empty_state(state: State, *, starting: bool, problem: MuseError | None) -> EmptyState | None:
    """Return the empty state to show instead of the lists; None when there is something to list."""
    if not state.daemon:
        if starting:
            return EmptyState(
                "Starting the daemon …", "quiet", ("It watches and pushes, and keeps running when you leave.",)
            )
        if problem is None:
            return EmptyState("Looking for the daemon …", "quiet")
        hint = (problem.hint,) if problem.hint else ()
        return EmptyState("The daemon does not run", "bad", (problem.message, *hint, "r starts it, q leaves."))
    return None if state.repositories else FIRST_RUN
