"""The fetch: a hub's branches and all they reach come into a repository, every byte checked before a ref is written."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from museui.core.bundle import ObjectEntry, read_bundle
from museui.core.errors import Interrupted, NotFound
from museui.core.frames import iter_raw
from museui.core.graph import order_commits, outside_parents, require_all
from museui.core.ids import CommitId, ObjectId, SnapshotId
from museui.core.limits import Limits
from museui.core.records import Commit, Snapshot
from museui.core.signatures import verify_commit
from museui.hub.client import HubClient
from museui.repo.files import disk_error
from museui.repo.records import parse_tag
from museui.repo.repository import Repository

from .threads import Stopped, run_stoppable

_PIECE_BYTES = 1 << 20
_MAX_HAVE = 256
_TAGS = "tags"

OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What came: the hub's branches, and how much of it was new here."""

    branch_heads: dict[str, CommitId]
    default_branch: str | None
    commits: int
    snapshots: int
    objects: int
    wire_bytes: int


async def fetch(
    repository: Repository,
    client: HubClient,
    remote: str | None,
    branches: list[str] | None = None,
    on_progress: OnProgress = lambda received_bytes: None,
) -> FetchResult:
    """Bring what the hub has of ``branches`` (all, and all that is tagged, when ``None``).

    Their heads are noted as those of ``remote``; ``None``: it has no name here, and nothing is noted.
    ``on_progress`` hears how many bytes have come.

    The hub's tags of commits that are here then come too; a tag that is here already stays as it is.

    Raises :class:`NotFound` for a branch that the hub does not have, :class:`~museui.core.errors.Integrity` (and its
    kin) when anything that came is not what its id says; then no ref was written.
    """
    refs = await client.fetch_refs()
    heads = dict(refs.branch_heads) if branches is None else {}
    for branch in branches or ():
        if branch not in refs.branch_heads:
            raise NotFound(f"the hub has no branch {branch!r}", hint=f"It has: {', '.join(sorted(refs.branch_heads))}.")
        heads[branch] = refs.branch_heads[branch]
    tags = [parse_tag(record) for record in await client.fetch_tags()] if _TAGS in refs.capabilities else []
    tagged = [tag.commit_id for tag in tags] if branches is None else []
    want = sorted({item for item in (*heads.values(), *tagged) if not repository.has_commit(item)})
    counts = _Counts()
    if want:
        with tempfile.NamedTemporaryFile(prefix="museui-fetch-") as file:
            try:
                async with client.fetch(want, _own_heads(repository, remote)) as pieces:
                    async for piece in pieces:
                        file.write(piece)
                        counts.wire_bytes += len(piece)
                        on_progress(counts.wire_bytes)
                file.flush()
            except OSError as exc:
                raise disk_error(exc, f"cannot keep what comes in {tempfile.gettempdir()}") from exc
            stop, checked = threading.Event(), refs.signing_policy != "off"
            await run_stoppable(
                lambda: _take_in(repository, Path(file.name), set(want), counts, checked, stop.is_set), stop.set
            )
    if remote is not None:
        for branch, head in heads.items():
            repository.write_tracking(remote, branch, head)
    for tag in tags:
        if repository.has_commit(tag.commit_id) and not repository.has_tag(tag):
            repository.write_tag(tag)
    return FetchResult(heads, refs.default_branch, counts.commits, counts.snapshots, counts.objects, counts.wire_bytes)


@dataclass(slots=True)
class _Counts:
    commits: int = 0
    snapshots: int = 0
    objects: int = 0
    wire_bytes: int = 0


def _own_heads(repository: Repository, remote: str | None) -> list[CommitId]:
    """What the hub may leave out: our branches and what we last saw of the hub's, as far as it is here."""
    branches = repository.branches()
    seen = [repository.read_tracking(remote, branch) for branch in branches] if remote is not None else []
    candidates = dict.fromkeys([*(head for head in seen if head), *branches.values()])
    return [head for head in candidates if repository.has_commit(head)][:_MAX_HAVE]


def _take_in(
    repository: Repository,
    path: Path,
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
    commits: dict[CommitId, Commit] = {}
    snapshots: set[SnapshotId] = set()
    objects: set[ObjectId] = set()
    needed: set[ObjectId] = set()
    with path.open("rb") as file, repository.group() as group:
        for item in read_bundle(iter_raw(_iter_file(file), limits.max_raw_bytes), limits):
            if stopped():
                raise Interrupted("interrupted")
            if isinstance(item, ObjectEntry):
                repository.write_object(item.id, item.pieces(), group)
                objects.add(item.id)
            elif isinstance(item, Snapshot):
                repository.write_snapshot(item, group)
                snapshots.add(item.id)
                needed.update(item.manifest.values())
            elif isinstance(item, Commit):
                if check_signatures:
                    verify_commit(item.fields)
                commits[item.id] = item
    parents_of = {commit.id: commit.parents for commit in commits.values()}
    require_all(want, commits, "commit", "the fetch")
    _require_here(outside_parents(parents_of), repository.has_commit, "commit")
    _require_here({c.snapshot_id for c in commits.values()} - snapshots, repository.has_snapshot, "snapshot")
    _require_here(needed - objects, repository.has_object, "object")
    with repository.group() as group:
        for commit_id in order_commits(parents_of):
            repository.write_commit(commits[commit_id], group)
    counts.commits, counts.snapshots, counts.objects = len(commits), len(snapshots), len(objects)


def _require_here(items: set[CommitId] | set[SnapshotId] | set[ObjectId], has: Callable[..., bool], kind: str) -> None:
    require_all(items, {item for item in items if has(item)}, kind, "what was fetched")


def _iter_file(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
