"""The fetch: a hub's branches and all they reach come into a repository, every byte checked before a ref is written."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

from museui.core.bundle import ObjectEntry, read_bundle
from museui.core.errors import Integrity, Interrupted, Invalid, MuseError, NotFound, TooLarge, Unavailable
from museui.core.figures import render_bytes
from museui.core.frames import iter_raw
from museui.core.graph import order_commits, outside_parents, require_all
from museui.core.ids import CommitId, ObjectId, SnapshotId
from museui.core.limits import Limits
from museui.core.names import is_branch
from museui.core.records import Commit, Snapshot
from museui.core.signatures import verify_commit
from museui.hub.client import HubClient
from museui.repo.files import disk_error
from museui.repo.records import Tag, encode_record, parse_tag
from museui.repo.repository import Repository
from museui.repo.sightings import note_heads

from .completeness import is_complete
from .observe import find_whole
from .threads import Stopped, run_stoppable

_PIECE_BYTES = 1 << 20
_MAX_WIRE_BYTES = Limits().max_raw_bytes + (1 << 30)
"""SpeedLimit of a fetch on the wire: what does not compress becomes a little longer."""
_RECORDS_BYTES = 16 << 20
"""Maximum of bytes of commits' records that are held in memory."""
_MAX_HAVE = 256
_TAGS = "tags"

OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The result of a fetch: the hub's branches, but for those whose names are none, and how much was new here."""

    branch_heads: dict[str, CommitId]
    default_branch: str | None
    commits: int
    snapshots: int
    objects: int
    wire_bytes: int
    faults: tuple[MuseError, ...] = ()
    """Errors of heads that could not be noted here, and of tags that could not be read; the commits have come."""


async def fetch(
    repository: Repository,
    client: HubClient,
    remote: str | None,
    branches: list[str] | None = None,
    on_progress: OnProgress = lambda received_bytes: None,
    *,
    whole: bool = False,
) -> FetchResult:
    """Bring what the hub has of ``branches`` (all, and all that is tagged, when ``None``).

    Their heads are noted as those of ``remote``; ``None``: it has no name here, and nothing is noted.
    ``on_progress`` hears how many bytes have come.

    Where something that the hub has is damaged here, or with ``whole``, everything is fetched again and written anew.

    The hub's tags of commits that are here then come too; a tag that is here already stays as it is.

    Raises :class:`NotFound` for a branch that the hub does not have, :class:`~museui.core.errors.Integrity` (and its
    kin) when anything that came is not what its id says; then no ref was written.
    """
    refs = await client.fetch_refs()
    heads = dict(refs.branch_heads) if branches is None else {}
    for branch in branches or ():
        if branch not in refs.branch_heads:
            if remote is not None:
                note_heads(repository, remote, {}, [branch], time.time())
            raise NotFound(f"the hub has no branch {branch!r}", hint=f"It has: {', '.join(sorted(refs.branch_heads))}.")
        heads[branch] = refs.branch_heads[branch]
    faults: list[MuseError] = []
    tags = _parse_tags(await client.fetch_tags(), faults) if _TAGS in refs.capabilities else []
    tagged = [tag.commit_id for tag in tags] if branches is None else []
    wanted = {*heads.values(), *tagged}
    seen = _seen_heads(repository, remote)
    whole = whole or not await asyncio.to_thread(is_complete, repository, {*heads.values(), *seen})
    want = sorted(wanted if whole else {item for item in wanted if not repository.store.reads_commit(item)})
    have = [] if whole else _own_heads(repository, seen)
    counts = _Counts()
    if want:
        with _open_scratch(repository.muse) as file:
            room = _Room(repository.muse)
            try:
                async with client.fetch(want, have) as pieces:
                    async for piece in pieces:
                        counts.wire_bytes += len(piece)
                        room.check_wire(counts.wire_bytes, client.url.host)
                        file.write(piece)
                        on_progress(counts.wire_bytes)
                file.seek(0)
            except OSError as exc:
                raise disk_error(exc, f"cannot keep what comes in {repository.muse}") from exc
            stop, checked = threading.Event(), refs.signing_policy != "off"
            await run_stoppable(
                lambda: _take_in(repository, file, room.raw_bytes, set(want), counts, checked, stop.is_set), stop.set
            )
    if remote is not None:
        gone = repository.refs.tracking_names(remote) if branches is None else []
        at_hub = find_whole(repository, refs)
        note_heads(repository, remote, at_hub, {**heads, **dict.fromkeys(gone)}, time.time(), faults=faults)
    for tag in tags:
        if repository.has_commit(tag.commit_id) and not repository.has_tag(tag):
            repository.write_tag(tag)
    return FetchResult(
        {branch: head for branch, head in heads.items() if is_branch(branch)},
        refs.default_branch,
        counts.commits,
        counts.snapshots,
        counts.objects,
        counts.wire_bytes,
        tuple(faults),
    )


def _open_scratch(folder: Path) -> BinaryIO:
    """A file without a name, on the disk where what is in it will go: nothing of it outlives this process."""
    try:
        return cast(BinaryIO, tempfile.TemporaryFile(dir=folder))
    except OSError as exc:
        raise disk_error(exc, f"cannot keep what comes in {folder}") from exc


class _Room:
    """The limits of a fetch: no more than the disk has room for, packed and then unpacked."""

    def __init__(self, folder: Path) -> None:
        usage = shutil.disk_usage(folder)
        free = usage.free if usage.total else _MAX_WIRE_BYTES  # some file systems do not say
        self.wire_bytes = min(_MAX_WIRE_BYTES, free // 2)
        self.raw_bytes = min(Limits().max_raw_bytes, free - free // 8)
        self._folder = folder

    def check_wire(self, size: int, host: str) -> None:
        """Raise :class:`Unavailable` when ``size`` bytes have come and that is too much for the disk."""
        if size <= self.wire_bytes:
            return
        most = render_bytes(self.wire_bytes)
        if self.wire_bytes == _MAX_WIRE_BYTES:
            raise TooLarge(f"{host} sends more than {most}, the most that one fetch may have")
        raise Unavailable(
            f"{host} sends more than {most}, which is half of the room there is in {self._folder}",
            hint="Make room on the disk and try again: it is needed twice, packed and unpacked.",
        )


@dataclass(slots=True)
class _Counts:
    commits: int = 0
    snapshots: int = 0
    objects: int = 0
    wire_bytes: int = 0


def _parse_tags(records: Iterable[Mapping[str, Any]], faults: list[MuseError]) -> list[Tag]:
    tags = []
    for record in records:
        try:
            tags.append(parse_tag(record))
        except Invalid as exc:
            faults.append(Invalid(f"the hub has a tag that makes no sense: {exc.message}", hint=exc.hint))
    return tags


def _seen_heads(repository: Repository, remote: str | None) -> list[CommitId]:
    """Return what we last saw the hub's branches at, of those that are here too."""
    seen: list[CommitId] = []
    for branch in repository.branches() if remote is not None else ():
        with suppress(Integrity):
            if head := repository.read_tracking(remote or "", branch):
                seen.append(head)
    return seen


def _own_heads(repository: Repository, seen: list[CommitId]) -> list[CommitId]:
    """Return what the hub may leave out: what was ``seen`` of it and our branches, as far as that is here."""
    candidates = dict.fromkeys([*seen, *repository.branches().values()])
    return [head for head in candidates if repository.store.reads_commit(head)][:_MAX_HAVE]


def _take_in(
    repository: Repository,
    file: BinaryIO,
    max_raw_bytes: int,
    want: set[CommitId],
    counts: _Counts,
    check_signatures: bool,
    stopped: Stopped,
) -> None:
    """Check a fetched bundle and write what is in it: objects and snapshots first, commits last, parents first.

    Raises :class:`Interrupted` once ``stopped`` returns true.

    A commit that is here must never lack what it needs, since the next fetch will say that we have it.
    """
    limits = Limits()
    snapshots: set[SnapshotId] = set()
    objects: set[ObjectId] = set()
    needed: set[ObjectId] = set()
    with _Commits(repository.muse) as commits:
        with repository.group() as group:
            for item in read_bundle(iter_raw(_iter_file(file), max_raw_bytes), limits):
                if stopped():
                    raise Interrupted("interrupted")
                if isinstance(item, ObjectEntry):
                    repository.write_object(item.id, item.pieces(), group)
                    objects.add(item.id)
                elif isinstance(item, Snapshot):
                    repository.write_snapshot(item, group)
                    snapshots.add(item.id)
                    needed.update(item.manifest.values())
                    if len(needed) > limits.max_objects:
                        raise TooLarge(f"what was fetched names more than {limits.max_objects:,} objects")
                elif isinstance(item, Commit):
                    if check_signatures:
                        verify_commit(item.fields)
                    commits.add(item)
        require_all(want, commits.parents_of, "commit", "the fetch")
        _require_here(outside_parents(commits.parents_of), repository.has_commit, "commit")
        _require_here(commits.snapshots - snapshots, repository.has_snapshot, "snapshot")
        _require_here(needed - objects, repository.has_object, "object")
        with repository.group() as group:
            for commit_id in order_commits(commits.parents_of):
                repository.store.write_commit_record(commit_id, commits.read_record(commit_id), group)
    counts.commits, counts.snapshots, counts.objects = len(commits.parents_of), len(snapshots), len(objects)


class _Commits:
    """The commits of a fetch until all that they need is here; their records wait on the disk when they are large.

    A context manager.
    """

    def __init__(self, folder: Path) -> None:
        self.parents_of: dict[CommitId, tuple[CommitId, ...]] = {}
        self.snapshots: set[SnapshotId] = set()
        self._places: dict[CommitId, tuple[int, int]] = {}
        self._end = 0
        spool = tempfile.SpooledTemporaryFile(_RECORDS_BYTES, dir=str(folder))  # noqa: SIM115  __exit__ closes it
        self._records = cast(BinaryIO, spool)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._records.close()

    def add(self, commit: Commit) -> None:
        """Keep a commit. Raises our errors of the disk."""
        record = encode_record(commit.fields)
        try:
            self._records.write(record)
        except OSError as exc:
            raise disk_error(exc, "cannot keep the commits that came") from exc
        self.parents_of[commit.id] = commit.parents
        self.snapshots.add(commit.snapshot_id)
        self._places[commit.id] = (self._end, len(record))
        self._end += len(record)

    def read_record(self, commit_id: CommitId) -> bytes:
        """Return its record as it is to be in its file."""
        offset, size = self._places[commit_id]
        self._records.seek(offset)
        return self._records.read(size)


def _require_here(items: set[CommitId] | set[SnapshotId] | set[ObjectId], has: Callable[..., bool], kind: str) -> None:
    require_all(items, {item for item in items if has(item)}, kind, "what was fetched")


def _iter_file(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
