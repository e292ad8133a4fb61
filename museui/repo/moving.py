"""A branch and its work tree moved together: noted, written, synced, then the branch; and what was cut off finished.

Whoever calls holds the repository's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..core.errors import Conflict, MuseError, Usage
from ..core.failpoints import failpoint
from ..core.ids import CommitId, ObjectId
from ..core.records import SnapshotParser
from .checkout import Checkout
from .ignore import IGNORE_FILE, IgnoreRules, parse_ignore
from .repository import Repository
from .unfinished import (
    Unfinished,
    describe_unfinished,
    forget_unfinished,
    is_noted,
    read_unfinished,
    write_unfinished,
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a move that had been cut off: ``head`` is where the branch is, ``undone`` why it could not go on.

    ``spared``: files that hold something of their own and stay as they are.
    """

    branch: str
    head: CommitId | None
    undone: MuseError | None = None
    spared: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return the words for a person."""
        if self.undone is None:
            return f"finished what was cut off: the files of {self.branch} are those of {(self.head or '')[:12]}"
        kept = f"; left as they are: {', '.join(map(repr, self.spared))}" if self.spared else ""
        return f"undid what was cut off, since {self.undone.message}{kept}"


def move_work_tree(
    repository: Repository, note: Unfinished, stopped: Callable[[], bool] = lambda: False, *, forth: bool = False
) -> int:
    """Move the branch that is checked out, and its files, from ``note.old`` to ``note.new``; how many files differ.

    ``forth``: it had been begun before, and what fails is not undone here. Raises what looking at, staging and writing
    files raises. When it raises, nothing has changed, or the note stays and the error says so.
    """
    assert note.new
    head = note.new
    before, after = _manifests(repository, note)
    with Checkout(str(repository.root), str(repository.muse), before, after) as checkout:
        checkout.stage(repository.read_object, stopped)
        failpoint("checkout.staged")
        if not forth:
            note = replace(note, modes=checkout.own_modes())
            write_unfinished(repository, note)
        failpoint("checkout.noted")
        try:
            checkout.apply()
            failpoint("checkout.written")
            repository.write_branch(note.branch, head)
        except MuseError as exc:
            if not forth:
                _undo_after(repository, note, exc)
            raise
    failpoint("checkout.moved")
    forget_unfinished(repository)
    return checkout.count


def finish_move(repository: Repository) -> Finished | None:
    """Finish what was cut off, or undo it where it cannot be finished; ``None`` when there was nothing.

    Raises what keeps it from either, with the words of :func:`describe_unfinished`; for a clone, which only
    ``museui clone`` finishes, these alone.
    """
    if not is_noted(repository):
        return None
    note = read_unfinished(repository)
    if note is None:
        forget_unfinished(repository)
        return None
    if note.doing == "clone":
        raise describe_unfinished(repository, note)
    try:
        move_work_tree(repository, note, forth=True)
    except MuseError as exc:
        return Finished(note.branch, note.old, exc, _undo(repository, note, exc))
    return Finished(note.branch, note.new)


def _undo_after(repository: Repository, note: Unfinished, error: MuseError) -> None:
    """Undo what ``error`` broke off; when that fails too, ``error`` says what is left."""
    try:
        _undo(repository, note, error)
    except MuseError as exc:
        error.message, error.hint = exc.message, exc.hint
        error.details |= exc.details


def _undo(repository: Repository, note: Unfinished, error: MuseError) -> tuple[str, ...]:
    """Bring the files of ``note.old`` back; which were left alone. Raises the words for both failures."""
    before, after = _manifests(repository, note)
    try:
        with Checkout(str(repository.root), str(repository.muse), after, before, spare=True) as checkout:
            checkout.stage(repository.read_object, lambda: False, note.modes)
            checkout.apply()
    except MuseError as exc:
        left = describe_unfinished(repository, note)
        more = "" if isinstance(error, Conflict) and exc.message == error.message else f"; {exc.message}"
        left.message = f"{left.message}, and it can neither be finished nor undone: {error.message}{more}"
        left.hint = f"{error.hint or exc.hint} {left.hint}".strip()
        raise left from exc
    if note.doing == "clone":
        write_unfinished(repository, replace(note, new=None))
    else:
        forget_unfinished(repository)
    return checkout.spared


def _manifests(repository: Repository, note: Unfinished) -> tuple[Mapping[str, ObjectId], Mapping[str, ObjectId]]:
    """Return the files of both ends, those of the first without what stays in the work tree and is recorded no more.

    That is what the ignore rules of the second leave out: whoever untracked it still has it, and so has everybody.
    """
    parser = SnapshotParser()
    before, after = (
        repository.read_snapshot(repository.read_commit(commit_id).snapshot_id, parser).manifest if commit_id else {}
        for commit_id in (note.old, note.new)
    )
    if before.keys() <= after.keys():
        return before, after
    rules = _read_rules(repository, after)
    return {path: before[path] for path in before if path in after or not rules.skips(path)}, after


def _read_rules(repository: Repository, manifest: Mapping[str, ObjectId]) -> IgnoreRules:
    """Return the ignore rules that a snapshot holds; the built-in ones where it holds none that make sense."""
    if IGNORE_FILE not in manifest:
        return IgnoreRules([])
    try:
        text = b"".join(repository.read_object(manifest[IGNORE_FILE])).decode()
        return IgnoreRules(parse_ignore(text, repository.domain))
    except (Usage, UnicodeDecodeError):
        return IgnoreRules([])
