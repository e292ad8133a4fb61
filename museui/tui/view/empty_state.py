"""What stands in the middle of the screen when there is nothing to list: each state its own few lines."""

from __future__ import annotations

from dataclasses import dataclass

from museui.core.errors import MuseError
from museui.local.state import State

from .status import Tone


@dataclass(frozen=True, slots=True)
class Choice:
    """Something one can do: ``action`` is the id of what does it here, ``command`` does it in a terminal."""

    action: str
    title: str
    command: str


@dataclass(frozen=True, slots=True)
class EmptyState:
    """``title`` in ``tone``, ``lines`` below it, then the choices."""

    title: str
    tone: Tone
    lines: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()

    def offers(self, action: str) -> bool:
        """Whether this action of the dashboard can be done now: there is nothing to do anything else with."""
        return any(choice.action == action for choice in self.choices)


FIRST_RUN = EmptyState(
    "Welcome to MuseUI",
    "text",
    (
        "It watches your Muse repositories and pushes every commit to your hub.",
        "Here you see whether all of it is safe there and, if not, what to do.",
    ),
    (
        Choice("sign_in", "Sign in to a hub", "museui login https://HUB"),
        Choice("add", "Add a repository", "museui watch add FOLDER"),
        Choice("demo", "Try the demo, which leaves nothing behind", "museui demo"),
    ),
)


def find_empty_state(state: State, *, starting: bool, problem: MuseError | None) -> EmptyState | None:
    """What to say instead of the lists; None: there is something to list."""
    if not state.daemon:
        if starting:
            return EmptyState("Starting the daemon …", "quiet", ("It watches and pushes, and goes on when you leave.",))
        if problem is None:
            return EmptyState("Looking for the daemon …", "quiet")
        hint = (problem.hint,) if problem.hint else ()
        return EmptyState("The daemon does not run", "bad", (problem.message, *hint, "r starts it, q leaves."))
    return None if state.repositories else FIRST_RUN
