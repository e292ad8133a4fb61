"""Why a repository is not safe, whatever its branches say: one place that asks every part that may know a reason.

Only ``.muse`` is looked at, so that the daemon can ask at each look. A reason is an error that nobody raises: it says
what is wrong and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..core.errors import MuseError
from .repository import Repository
from .unfinished import find_unfinished

Finder = Callable[[Repository], Iterable[MuseError]]


def find_reasons(repository: Repository) -> list[MuseError]:
    """Return every reason, in the order of :data:`FINDERS`. What a finder raises is a reason too."""
    reasons: list[MuseError] = []
    for finder in FINDERS:
        try:
            reasons.extend(finder(repository))
        except MuseError as exc:
            reasons.append(exc)
    return reasons


def _check_head(repository: Repository) -> Iterator[MuseError]:
    """Yield nothing. Raises :class:`Integrity` when ``HEAD`` is damaged."""
    repository.read_head()
    yield from ()


FINDERS: tuple[Finder, ...] = (_check_head, find_unfinished)
