"""Why a repository is not safe, whatever its branches say: one place that asks every part that may know a reason.

Only ``.muse`` is looked at, so that the daemon can ask at each look. A reason is an error that nobody raises: it says
what is wrong and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..core.errors import MuseError
from .health import find_damage, find_damaged_trees
from .repository import Repository
from .standing import find_unclear_states
from .unfinished import find_unfinished

Finder = Callable[[Repository], Iterable[MuseError]]


def find_reasons(repository: Repository, *, thorough: bool = True) -> list[MuseError]:
    """Return every reason, in the order of :data:`FINDERS`. What a finder raises is a reason too.

    ``thorough`` false leaves out :data:`THOROUGH_FINDERS`: those that look at every file of a snapshot.
    """
    reasons: list[MuseError] = []
    for finder in FINDERS + THOROUGH_FINDERS if thorough else FINDERS:
        try:
            reasons.extend(finder(repository))
        except MuseError as exc:
            reasons.append(exc)
    return list({reason.message: reason for reason in reasons}.values())


def _check_head(repository: Repository) -> Iterator[MuseError]:
    """Yield nothing. Raises :class:`Integrity` when ``HEAD`` is damaged."""
    repository.read_head()
    yield from ()


FINDERS: tuple[Finder, ...] = (_check_head, find_unfinished, find_damage)
THOROUGH_FINDERS: tuple[Finder, ...] = (find_unclear_states, find_damaged_trees)
