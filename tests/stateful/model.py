"""What people wrote and recorded, kept beside the programs, and a reader of repositories that is not theirs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Tree = dict[str, str]
"""Path to the SHA-256 of its content."""


def sha(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Commit:
    """A commit as it lies on disk."""

    id: str
    parents: tuple[str, ...]
    author: str = field(compare=False)
    manifest: Tree = field(compare=False)


@dataclass
class Person:
    """One user and the folder they work in."""

    tree: Tree = field(default_factory=dict)
    """Their files, as they left them or as a pull brought them."""
    wrote: dict[str, set[str]] = field(default_factory=dict)
    """For each path every content they ever gave it."""
    removed: set[str] = field(default_factory=set)
    """Paths they deleted, or had left out, at some time."""
    commits: dict[str, Commit] = field(default_factory=dict)
    """All that was ever recorded on a branch or a detached HEAD of theirs."""
    acknowledged: set[str] = field(default_factory=set)
    """Commits that a program has called done, so that a power cut must not take them."""
    seen_epoch: int = 0
    """The newest loss of the hub's (:attr:`Model.epoch`) that a program of theirs has had the chance to notice."""
    moving: bool = False
    """Whether a pull was cut off, which whatever runs next finishes or undoes."""

    def begin_anew(self, tree: Tree, epoch: int) -> None:
        """Work in a fresh clone from now on."""
        self.tree, self.seen_epoch, self.moving = tree, epoch, False
        self.commits.clear()
        self.acknowledged.clear()


@dataclass
class Model:
    """Everything that is known of what people did."""

    people: dict[str, Person] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    """All that anybody ever recorded."""
    recorded: set[str] = field(default_factory=set)
    """Contents that are in a commit."""
    excused: set[str] = field(default_factory=set)
    """Contents whose last copy no program lost, but a fault or a person."""
    epoch: int = 0
    """How often the hub lost something, or somebody took something from it."""

    def write(self, name: str, path: str, content: bytes) -> None:
        """A person gives a file this content."""
        person = self.people[name]
        person.tree[path] = sha(content)
        person.wrote.setdefault(path, set()).add(sha(content))

    def remove(self, name: str, path: str) -> None:
        """A person deletes a file."""
        person = self.people[name]
        person.tree.pop(path, None)
        person.removed.add(path)

    def record(self, name: str, commits: Iterable[Commit]) -> list[Commit]:
        """These are in somebody's history; the ones that are new there."""
        known = self.people[name].commits
        fresh = [commit for commit in commits if commit.id not in known]
        for commit in fresh:
            known[commit.id] = self.commits[commit.id] = commit
            self.recorded.update(commit.manifest.values())
        return fresh

    def required(self) -> set[str]:
        """The contents that must be somewhere."""
        lying = {content for person in self.people.values() for content in person.tree.values()}
        return (self.recorded | lying) - self.excused

    def unmeant(self, name: str, commit: Commit) -> list[str]:
        """What a commit that was made in somebody's folder says that they did not do."""
        person = self.people[name]
        if len(commit.parents) > 1:
            return []
        if not commit.parents:
            return ["it begins a second history"] if len(person.commits) > 1 else []
        parent = person.commits.get(commit.parents[0])
        if parent is None:
            return []
        wrong = [
            f"removes {path}, which nobody deleted"
            for path in parent.manifest.keys() - commit.manifest.keys()
            if path not in person.removed
        ]
        wrong += [
            f"gives {path} a content that nobody wrote there"
            for path, content in commit.manifest.items()
            if parent.manifest.get(path) != content and content not in person.wrote.get(path, set())
        ]
        return wrong


def read_commit(muse: Path, commit_id: str) -> Commit | None:
    """A commit with its snapshot, every id checked; ``None`` when one of the two is not whole."""
    try:
        record = json.loads((muse / "commits" / f"{commit_id}.json").read_bytes())
        snapshot_id = record["snapshot_id"].removeprefix("sha256:")
        snapshot = json.loads((muse / "snapshots" / f"{snapshot_id}.json").read_bytes())
        parents = [record.get(name) for name in ("parent_commit_id", "parent2_commit_id")]
        parents = [parent.removeprefix("sha256:") for parent in parents if parent]
        manifest = {path: content.removeprefix("sha256:") for path, content in snapshot["manifest"].items()}
        lines = "\0".join(sorted(f"{path}\0{content}" for path, content in manifest.items()))
        text = "\0".join(["\0".join(sorted(parents)), snapshot_id, record["message"], record["committed_at"]])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if sha(lines.encode()) != snapshot_id or sha(text.encode()) != commit_id:
        return None
    return Commit(commit_id, tuple(parents), record.get("author") or "", manifest)


def read_history(muse: Path, heads: Iterable[str]) -> Iterator[Commit]:
    """Every whole commit that the heads reach, as far as the way there is whole; children before parents."""
    stack, seen = list(heads), set[str]()
    while stack:
        commit_id = stack.pop()
        if commit_id in seen:
            continue
        seen.add(commit_id)
        if commit := read_commit(muse, commit_id):
            yield commit
            stack += commit.parents


def read_heads(muse: Path, folder: str = "refs/heads") -> dict[str, str]:
    """The branches, or what is known of a remote's, as they lie on disk; one that makes no sense is left out."""
    found = {}
    below = muse / folder
    for path in sorted(below.rglob("*")):
        if path.is_file():
            text = path.read_text(errors="replace").strip().removeprefix("sha256:")
            if len(text) == 64 and set(text) <= set("0123456789abcdef"):
                found[str(path.relative_to(below))] = text
    return found


def read_objects(muse: Path) -> set[str]:
    """The objects that are whole."""
    found = set()
    for path in (muse / "objects").glob("*/*"):
        name = path.parent.name + path.name
        if len(name) == 64 and sha(path.read_bytes()) == name:
            found.add(name)
    return found


def read_tree(root: Path) -> Tree:
    """Every file of a work tree, but for ``.muse``."""
    return {
        str(path.relative_to(root)): sha(path.read_bytes())
        for path in sorted(root.rglob("*"))
        if ".muse" not in path.relative_to(root).parts and path.is_file() and not path.is_symlink()
    }
