"""Notes of when each branch of a remote was last seen there, and how: ``.muse/seen/<remote>.json``, for people.

What a branch was seen at stands in ``remotes/<remote>/<branch>``, which the Muse client reads and writes too; a note
that says something else there is older than that, and counts for nothing. Losing it loses the time of day, no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..core.errors import Integrity, Invalid, MuseError
from ..core.ids import CommitId, is_hex_id
from ..core.names import check_name
from .atomic import write_file
from .files import read_file
from .repository import Repository

_MAX_BYTES = 16 << 20
_SKEW_S = 5.0
"""A time so much ahead of the clock is not believed: the clock was put back since."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A branch as its remote had it. ``at``: seconds since 1970, or infinite when that is not known.

    ``head``: ``None`` when it was not there any more. ``holds``: a commit of ours that ``head`` builds on, as the hub
    said; known when ``head`` is not here.
    """

    at: float
    head: CommitId | None
    holds: CommitId | None = None

    def time_of(self, head: CommitId | None, now: float) -> float | None:
        """Return when the branch was seen at ``head``, ``None`` when that is not known."""
        return self.at if self.head == head and self.at <= now + _SKEW_S else None


def read_sightings(repository: Repository, remote: str) -> dict[str, Sighting]:
    """Return what is noted of each branch of ``remote``; nothing when there is no note that can be read."""
    try:
        document = json.loads(read_file(_path(repository, remote), _MAX_BYTES))
    except (OSError, MuseError, ValueError, RecursionError):
        return {}
    found = {}
    for branch, facts in document.items() if isinstance(document, dict) else ():
        if isinstance(facts, dict) and isinstance(at := facts.get("at"), (int, float)):
            found[branch] = Sighting(float(at), _id(facts.get("head")), _id(facts.get("holds")))
    return found


def note_heads(
    repository: Repository,
    remote: str,
    heads: Mapping[str, CommitId],
    branches: Iterable[str],
    now: float,
    *,
    before: Mapping[str, CommitId | None] | None = None,
    holds: Mapping[str, CommitId] | None = None,
    faults: list[MuseError] | None = None,
) -> list[str]:
    """Bring what is known of ``branches`` of ``remote`` to ``heads``, where the hub has them; those that differed.

    ``before``: what was known when the hub was asked; a branch of which something else is known by now is left alone,
    since a push or a fetch has come between. ``holds``: of heads that are not here, our commits that they build on.
    ``faults``: gets why a branch whose name cannot be carried was not noted; without it that is raised.
    Raises what writing raises for the heads; that the note of when cannot be written is passed over.
    """
    notes = read_sightings(repository, remote)
    changed: list[str] = []
    swept: set[str] = set()
    for branch in branches:
        known = read_known(repository, remote, branch)
        if before is not None and known != before.get(branch):
            continue
        head = heads.get(branch)
        if head != known:
            try:
                if head is None:
                    repository.refs.remove_tracking(remote, branch)
                else:
                    folder = branch.rpartition("/")[0]
                    repository.write_tracking(remote, branch, head, sweep=folder not in swept)
                    swept.add(folder)
            except Invalid as exc:
                if faults is None:
                    raise
                faults.append(exc)
                continue
            changed.append(branch)
        if head is not None:
            notes[branch] = Sighting(now, head, (holds or {}).get(branch))
        elif known is not None or branch in notes:
            notes[branch] = Sighting(now, None)
    with suppress(MuseError):
        _write(repository, remote, notes)
    return changed


def read_known(repository: Repository, remote: str, branch: str) -> CommitId | None:
    """Return where ``branch`` of ``remote`` was last seen, ``None`` when that is not known or cannot be read."""
    try:
        return repository.read_tracking(remote, branch)
    except (Integrity, Invalid):
        return None


def _write(repository: Repository, remote: str, notes: Mapping[str, Sighting]) -> None:
    document = {
        branch: {"at": round(note.at, 3), "head": note.head} | ({"holds": note.holds} if note.holds else {})
        for branch, note in sorted(notes.items())
    }
    write_file(_path(repository, remote), (json.dumps(document, indent=1) + "\n").encode(), sync=False)


def _path(repository: Repository, remote: str) -> str:
    return f"{repository.muse}/seen/{check_name(remote, 'remote')}.json"


def _id(value: object) -> CommitId | None:
    return CommitId(value) if isinstance(value, str) and is_hex_id(value) else None
