"""Records and bundles made by hand, from `docs/formats.md` alone: a second opinion on what the program writes."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgpack
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

T = TypeVar("T")

SMALL_STACK_BYTES = 256 * 1024


def digest(content: bytes) -> str:
    """An id in the bundle's spelling."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def snapshot_record(files: Mapping[str, bytes], **extra: Any) -> dict[str, Any]:
    """The record of a snapshot of ``files`` (path → content)."""
    manifest = {path: digest(content) for path, content in files.items()}
    lines = sorted(path + "\0" + object_id.removeprefix("sha256:") for path, object_id in manifest.items())
    return {
        "snapshot_id": digest("\0".join(lines).encode()),
        "manifest": manifest,
        "created_at": "2026-01-01T00:00:00+00:00",
        **extra,
    }


def commit_record(
    snapshot_id: str, parents: Iterable[str] = (), message: str = "a change", **extra: Any
) -> dict[str, Any]:
    """The record of a commit with a right id; ``extra`` fields are added as they are."""
    parents = list(parents)
    when = extra.pop("committed_at", "2026-01-01T00:00:00+00:00")
    bare = sorted(parent.removeprefix("sha256:") for parent in parents)
    text = "\0".join(["\0".join(bare), snapshot_id.removeprefix("sha256:"), message, when])
    first, second = [*parents, None, None][:2]
    return {
        "commit_id": digest(text.encode()),
        "branch": "main",
        "snapshot_id": snapshot_id,
        "message": message,
        "committed_at": when,
        "parent_commit_id": first,
        "parent2_commit_id": second,
        "author": "Ada",
        "metadata": {},
        **extra,
    }


@dataclass(frozen=True, slots=True)
class History:
    """A linear history: records in order, contents by id, and the last commit as the head of ``main``."""

    commits: list[dict[str, Any]] = field(default_factory=list)
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)

    @property
    def head(self) -> str:
        """The id of the last commit."""
        return str(self.commits[-1]["commit_id"])

    def bundle(self, **replaced: Any) -> dict[str, Any]:
        """The bundle's map; ``replaced`` gives other values for some of its keys."""
        objects = [{"object_id": object_id, "content": content} for object_id, content in self.contents.items()]
        return {
            "meta": {"mode": "full", "base_commits": [], "format": 1},
            "branch_heads": {"main": self.head},
            "commits": self.commits,
            "snapshots": self.snapshots,
            "objects": objects,
            "summary": {"commits": len(self.commits)},
        } | replaced


def signed_record(record: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The commit record signed with the Ed25519 key that ``seed`` stands for."""
    provenance = ("author", "agent_id", "model_id", "toolchain_id", "prompt_hash")
    parts = [record["commit_id"].removeprefix("sha256:"), *(record.get(name) or "" for name in provenance)]
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"muse-commit-v1\0" + "\0".join(parts).encode())
    return {
        **record,
        "format_version": 7,
        "signature": _key_text(signature),
        "signer_public_key": _key_text(public),
        "signer_key_id": hashlib.sha256(public).hexdigest()[:16],
    }


def public_key(seed: int) -> str:
    """The spelling of the public key that ``seed`` stands for."""
    return _key_text(Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32)).public_key().public_bytes_raw())


def _key_text(raw: bytes) -> str:
    return "ed25519:" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def make_history(*trees: Mapping[str, bytes]) -> History:
    """One commit for each of ``trees`` (path → content), each the parent of the next."""
    history = History()
    seen: set[str] = set()
    for number, files in enumerate(trees):
        snapshot = snapshot_record(files)
        if snapshot["snapshot_id"] not in seen:
            history.snapshots.append(snapshot)
            seen.add(snapshot["snapshot_id"])
        parents = [history.head] if history.commits else []
        history.commits.append(commit_record(snapshot["snapshot_id"], parents, f"change {number}"))
        history.contents.update({digest(content): content for content in files.values()})
    return history


def pack(value: Any) -> bytes:
    """``value`` as msgpack."""
    return bytes(msgpack.packb(value))


def call_on_small_stack(function: Callable[[], T]) -> T:
    """What ``function`` gives or raises when it runs in a thread with a stack of 256 KiB."""
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as exc:
            failure.append(exc)

    before = threading.stack_size(SMALL_STACK_BYTES)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
