"""The second half of reading a push: every record, path, id and signature is checked, and nothing is kept but places.

Memory: for each object its id and where it lies; for each record its id, its links and where it will lie; never a
manifest, never content.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from museui.core.bundle import BranchHeads, BundleItem, ObjectEntry, pack_record, read_bundle
from museui.core.errors import BadSignature, Integrity, Invalid, TooLarge
from museui.core.frames import FrameTable
from museui.core.graph import order_commits
from museui.core.ids import CommitId, ObjectId, SnapshotId, qualified
from museui.core.limits import Limits
from museui.core.names import check_branch
from museui.core.records import Commit, Snapshot
from museui.core.signatures import verify_commit
from museui.core.stream import StreamHeader, read_stream

from .chunks import Chunk, ChunkFile, ChunkWriter, Place
from .envelope import read_envelope
from .read_ahead import Pump
from .snapshots import PackedSnapshot, SnapshotReader

Form = Literal["bundle", "stream", "envelope"]


@dataclass(frozen=True, slots=True)
class CommitEntry:
    """A commit of the push: its links and where its record will lie."""

    parents: tuple[CommitId, ...]
    snapshot_id: SnapshotId
    place: Place
    signer: str = ""
    """The public key (``ed25519:…``) whose signature checks; empty when none does."""


@dataclass(slots=True)
class Contents:
    """What a push holds, every part of it checked against itself. Sizes in bytes, offsets in the uncompressed stream.

    Whether the graph is closed is not known yet.
    """

    objects: dict[ObjectId, tuple[int, int]] = field(default_factory=dict)
    """Object → (offset, size)."""
    snapshots: dict[SnapshotId, Place] = field(default_factory=dict)
    commits: dict[CommitId, CommitEntry] = field(default_factory=dict)
    ordered: list[CommitId] = field(default_factory=list)
    """Parents before children."""
    needed_objects: set[ObjectId] = field(default_factory=set)
    """What the snapshots name."""
    chunks: list[Chunk] = field(default_factory=list)
    chunk_file: ChunkFile = field(default_factory=ChunkFile)
    signatures: dict[str, int] = field(default_factory=dict)
    """How many commits were unsigned, valid, unverifiable, invalid."""
    bad_signature: BadSignature | None = None
    """What is wrong with the first invalid one. Whether that matters is the repository's policy."""
    header: Mapping[str, Any] = field(default_factory=dict)
    """The H frame of a stream, or what stands beside the bundle in an envelope."""
    branch_heads: Mapping[str, CommitId] = field(default_factory=dict)
    frames: FrameTable = field(default_factory=FrameTable)
    sha256: str = ""
    wire_bytes: int = 0
    read_s: float = 0.0
    """How long verifying waited for bytes."""
    verify_s: float = 0.0
    ahead_s: float = 0.0
    """How long verifying took while the bytes still arrived."""
    raw_bytes: int = 0

    def close(self) -> None:
        """Let go of the chunks."""
        self.chunk_file.close()

    @property
    def parents_of(self) -> dict[CommitId, tuple[CommitId, ...]]:
        """The graph."""
        return {commit_id: entry.parents for commit_id, entry in self.commits.items()}


def read_contents(
    read: Callable[[], Iterable[bytes]],
    size_bytes: int,
    limits: Limits,
    *,
    form: Form = "bundle",
    expected_sha256: str | None = None,
    max_raw_bytes: int | None = None,
    folder: Path | None = None,
) -> Contents:
    """Read and verify ``read()``, a stored push of ``size_bytes``. Blocks: for a worker thread.

    ``max_raw_bytes`` lowers what the hub's limits allow; ``folder`` is for what is too much to hold.
    Raises :class:`Invalid`, :class:`Integrity` or :class:`TooLarge` naming the record and the rule; :class:`Integrity`
    above all when the bytes are not those of ``expected_sha256`` (bare hex).
    """
    began = time.perf_counter()
    allowed = limits.max_raw_bytes if max_raw_bytes is None else min(limits.max_raw_bytes, max_raw_bytes)
    pump = Pump(read, size_bytes, allowed)
    pieces = pump.pieces()
    reader = _ContentsReader(limits, form, folder)
    contents = reader.contents
    try:
        try:
            reader.take(pieces)
        except (Invalid, Integrity, TooLarge):
            pieces.close()
            if expected_sha256 is not None:
                _check_digest(pump.finish(), expected_sha256)
            raise
        contents.sha256 = pump.finish()
        if expected_sha256 is not None:
            _check_digest(contents.sha256, expected_sha256)
    except BaseException:
        contents.close()
        raise
    contents.frames = pump.frames
    contents.wire_bytes = size_bytes
    contents.raw_bytes = pump.raw_bytes
    contents.read_s = pump.waited_s
    contents.verify_s = time.perf_counter() - began - pump.waited_s
    return contents


def _check_digest(actual: str, expected: str) -> None:
    if actual != expected:
        raise Integrity(
            f"the uploaded bytes are not those of bundle {qualified(expected)}",
            hint="Upload again: presign, then PUT.",
            details={"bundle_id": qualified(expected), "rule": "bundle_id"},
        )


class _ContentsReader:
    def __init__(self, limits: Limits, form: Form, folder: Path | None) -> None:
        self.contents = Contents(chunk_file=ChunkFile(folder))
        self._limits = limits
        self._form = form
        self._commit_chunks = ChunkWriter(self.contents.chunk_file)
        self._snapshot_chunks = ChunkWriter(self.contents.chunk_file)
        self._snapshots = SnapshotReader(self._need)

    def _need(self, object_id: ObjectId) -> None:
        needed = self.contents.needed_objects
        needed.add(object_id)
        if len(needed) > self._limits.max_objects:
            raise TooLarge(f"the snapshots of one push name more than {self._limits.max_objects} objects")

    def take(self, pieces: Iterator[bytes]) -> None:
        """Read everything there is."""
        for item in self._items(pieces):
            if isinstance(item, ObjectEntry):
                self._take_object(item)
            elif isinstance(item, PackedSnapshot):
                self._take_snapshot(item)
            elif isinstance(item, Snapshot):
                self._take_snapshot(self._snapshots.pack(item))
            elif isinstance(item, Commit):
                self._take_commit(item)
            elif isinstance(item, StreamHeader):
                self.contents.header = item.fields
            elif isinstance(item, BranchHeads):
                self.contents.branch_heads = {check_branch(name): head for name, head in item.heads.items()}
        contents = self.contents
        contents.ordered = order_commits(contents.parents_of)
        self._commit_chunks.close()
        self._snapshot_chunks.close()
        contents.chunks = self._commit_chunks.chunks + self._snapshot_chunks.chunks

    def _items(self, pieces: Iterator[bytes]) -> Iterator[StreamHeader | BundleItem | PackedSnapshot]:
        if self._form == "stream":
            return read_stream(pieces, self._limits)
        if self._form == "envelope":
            return read_envelope(pieces, self._limits, self._snapshots.read)
        return read_bundle(pieces, self._limits, self._snapshots.read)

    def _take_object(self, entry: ObjectEntry) -> None:
        entry.drain()
        objects = self.contents.objects
        objects[entry.id] = (entry.raw_offset, entry.size_bytes)
        if self._form == "stream" and len(objects) > self._limits.stream_max_objects:
            raise TooLarge(
                f"a stream of more than {self._limits.stream_max_objects} objects",
                hint="Push it as a bundle.",
                details={"stream_max_objects": self._limits.stream_max_objects},
            )

    def _take_snapshot(self, snapshot: PackedSnapshot) -> None:
        self.contents.snapshots[snapshot.id] = self._snapshot_chunks.add(snapshot.record)

    def _take_commit(self, commit: Commit) -> None:
        contents = self.contents
        if len(contents.commits) >= self._limits.max_commits:
            raise TooLarge(f"more than {self._limits.max_commits} commits in one push")
        state, signer = "invalid", ""
        try:
            state = verify_commit(commit.fields)
            if state == "valid":
                signer = sys.intern(commit.fields["signer_public_key"])
        except BadSignature as exc:
            contents.bad_signature = contents.bad_signature or exc.with_traceback(None)
        contents.signatures[state] = contents.signatures.get(state, 0) + 1
        place = self._commit_chunks.add(pack_record(commit.fields))
        contents.commits[commit.id] = CommitEntry(commit.parents, commit.snapshot_id, place, signer)
