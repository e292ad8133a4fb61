"""Branches that lost their head: the file is empty or gone, and something else says that there were commits.

A branch without a head is an ordinary thing before the first commit. A second history must never begin on one that
had commits: its old commits would be on no branch any more, and nobody would miss them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress

from ..core.errors import Integrity, MuseError
from ..core.ids import CommitId, is_hex_id
from .files import read_file
from .lock import wait_for_writers
from .records import MAX_RECORD_BYTES
from .refs import Branches, Refs
from .store import Store

_MAX_LOG_BYTES = 64 << 20
_NO_COMMIT = "0" * 64
_WRITER_S = 2.0


def read_branches(muse: str, refs: Refs, store: Store) -> Branches:
    """Return every branch; the one that is checked out and those without a head are faults when they had commits."""
    found = refs.branches()
    faults = list(found.faults)
    named = {str(fault.details.get("branch")) for fault in faults}
    unborn = list(found.unborn)
    with suppress(MuseError):
        current = refs.read_head().branch
        if current and current not in found:
            unborn.append(current)
    for name in dict.fromkeys(unborn):
        if name not in named:
            faults += _find_fault(muse, refs, store, name)
    return Branches(found, tuple(faults), found.unborn)


def _find_fault(muse: str, refs: Refs, store: Store, name: str) -> Iterator[MuseError]:
    try:
        if refs.read_branch(name) is None and (lost := find_loss(muse, refs, store, name)):
            wait_for_writers(muse, _WRITER_S)  # who writes a first commit writes the branch after it
            if refs.read_branch(name) is None:
                yield lost
    except MuseError as exc:
        yield exc


def find_loss(muse: str, refs: Refs, store: Store, name: str, *, seen: bool = True) -> Integrity | None:
    """Return the error for a branch without a head that had one; ``None`` when nothing says so.

    ``seen`` false leaves out what remotes were seen to have, and what that is built on: who takes it from there now.
    """
    path = refs.branch_path(name)
    details = {"branch": name, "path": path}
    seen_heads = dict(_seen_heads(refs, name))
    on_hub = _reach(store, seen_heads.values())
    here = next((head for head in _own_heads(muse, store, name) if head not in on_hub), None)
    if here:
        return Integrity(
            f"branch {name!r} has lost its head: {path} is empty or gone, and {here[:12]} was made on it",
            hint="`museui repair` points it at its newest commit again.",
            details=details,
        )
    for remote, head in seen_heads.items() if seen else ():
        return Integrity(
            f"branch {name!r} has no commit here, and {remote} has it at {head[:12]}",
            hint="`museui repair` points it there when that commit is here; `museui pull` brings it and its files.",
            details=details,
        )
    return None


def _reach(store: Store, heads: Iterable[CommitId]) -> set[CommitId]:
    """Return every commit here that ``heads`` lead to."""
    reached = set(heads)
    stack = list(reached)
    while stack:
        with suppress(MuseError):
            parents = set(store.read_commit(stack.pop()).parents) - reached
            reached |= parents
            stack.extend(parents)
    return reached


def find_former_heads(muse: str, refs: Refs, store: Store, name: str) -> list[CommitId]:
    """Return the commits a branch may have been at, as far as anything here says, in no order that means anything."""
    seen = [head for _, head in _seen_heads(refs, name)]
    return list(dict.fromkeys([*_own_heads(muse, store, name), *seen]))


def _own_heads(muse: str, store: Store, name: str) -> Iterator[CommitId]:
    """Yield where the branch was by the log of the Muse client, then the commits that say that they were made on it."""
    yield from _logged_heads(f"{muse}/logs/refs/heads/{name}")
    field = json.dumps(name).encode()
    for commit_id in store.commit_ids():
        with suppress(FileNotFoundError, MuseError):
            content = read_file(store.commit_path(commit_id), MAX_RECORD_BYTES)
            if field in content and store.read_commit(commit_id).fields.get("branch") == name:
                yield commit_id


def _logged_heads(path: str) -> Iterator[CommitId]:
    """Yield the heads that a log names, the newest first, back to where the branch was made."""
    try:
        lines = read_file(path, _MAX_LOG_BYTES).decode("utf-8", "replace").splitlines()
    except (FileNotFoundError, MuseError):
        return
    for line in reversed(lines):
        _, _, rest = line.partition(" ")
        head = rest.partition(" ")[0]
        if head == _NO_COMMIT:
            return
        if is_hex_id(head):
            yield CommitId(head)


def _seen_heads(refs: Refs, name: str) -> Iterator[tuple[str, CommitId]]:
    for remote in refs.remote_names():
        with suppress(MuseError):
            if head := refs.read_tracking(remote, name):
                yield remote, head
