"""Dropping files from the record: they stay where they are, and no later snapshot takes them.

It is a commit of its own, of what is recorded without them, so that nothing has to be remembered.  What no ignore rule
leaves out gets a pattern in ``.museignore``; otherwise the next snapshot would take it again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from ..core.errors import NotFound, Usage
from ..core.ids import ObjectId
from ..core.records import Commit
from .committing import write_commit
from .config import read_toml_text
from .contents import read_contents
from .ignore import IGNORE_FILE, IgnoreRules, add_ignore_patterns, exact_pattern, parse_ignore, read_ignore_rules
from .keys import SigningKey
from .moving import Finished, finish_move
from .repository import Repository
from .scan import read_recorded
from .stat_cache import StatCache
from .unrecordable import readable
from .worktree import read_work_tree

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Untracked:
    """The commit, the paths that it drops, the patterns that ``.museignore`` was given for them.

    ``finished``: what came of a pull that was cut off.
    """

    commit: Commit
    branch: str | None
    paths: tuple[str, ...]
    patterns: tuple[str, ...]
    finished: Finished | None


def untrack(
    repository: Repository,
    paths: Collection[str],
    message: str,
    *,
    author: str,
    now: datetime,
    key: SigningKey | None = None,
    about_to_move: Callable[[], object] = lambda: None,
) -> Untracked:
    """Drop ``paths``, files or folders, relative to the work tree, from the record; an empty one is all of it.

    ``about_to_move`` is called when all is written but the branch.

    Raises :class:`NotFound` naming every path that is not recorded, and :class:`Usage` for a bare repository and for
    ignore rules that would bring a file back: then nothing has changed.
    """
    if repository.bare:
        raise Usage("this repository is bare: it has no work tree")
    root = str(repository.root)
    with repository.lock():
        finished = finish_move(repository)
        recorded = read_recorded(repository)
        dropped, unknown = _find(recorded.manifest, paths)
        if unknown:
            named = ", ".join(repr(readable(path)) for path in unknown[:_NAMED_AT_MOST])
            more = f" and {len(unknown) - _NAMED_AT_MOST} more" if len(unknown) > _NAMED_AT_MOST else ""
            raise NotFound(
                f"not recorded, so it cannot be dropped from the record: {named}{more}",
                hint="Look for a slip in its name. What is not recorded yet is left out by a pattern in .museignore.",
                details={"paths": [readable(path) for path in unknown]},
            )
        patterns = _find_patterns(repository, paths, dropped)
        if patterns:
            add_ignore_patterns(root, patterns)
        manifest = {path: object_id for path, object_id in recorded.manifest.items() if path not in dropped}
        if patterns and IGNORE_FILE not in dropped:
            manifest[IGNORE_FILE] = _store_ignore_file(repository)
        ordered = {path: manifest[path] for path in sorted(manifest)}
        commit = write_commit(repository, recorded, ordered, message, author, now, key, about_to_move)
    return Untracked(commit, recorded.head.branch, tuple(sorted(dropped)), tuple(patterns), finished)


def _find(manifest: Iterable[str], paths: Collection[str]) -> tuple[set[str], list[str]]:
    recorded, dropped, unknown = list(manifest), set[str](), list[str]()
    for path in paths:
        found = [item for item in recorded if item == path or not path or item.startswith(path + "/")]
        dropped.update(found)
        if not found:
            unknown.append(path)
    return dropped, unknown


def _find_patterns(repository: Repository, paths: Collection[str], dropped: Collection[str]) -> list[str]:
    """Return the patterns that are needed so that no snapshot takes what is dropped, and still there, again."""
    root, domain = str(repository.root), repository.domain
    rules = read_ignore_rules(root, domain)
    again = [path for path in dropped if os.path.lexists(f"{root}/{path}") and not rules.skips(path)]
    if not again:
        return []
    patterns = []
    for path in paths:
        if any(item == path or not path or item.startswith(path + "/") for item in again):
            patterns.append(exact_pattern(path if path in again else f"{path}/") if path else "/*")
    former = _read_patterns(root, domain)
    after = IgnoreRules([*former[0], *patterns, *former[1]])
    if kept := [path for path in again if not after.skips(path)]:
        raise Usage(
            f"a pattern in .museignore brings {kept[0]!r} back, so the next snapshot would take it again",
            hint="Change that pattern first (it begins with an exclamation mark).",
        )
    return patterns


def _read_patterns(root: str, domain: str) -> tuple[list[str], list[str]]:
    """Return the patterns for all domains, and those of the domain, which come after them."""
    try:
        text = read_toml_text(f"{root}/{IGNORE_FILE}")
    except FileNotFoundError:
        return [], []
    everywhere = parse_ignore(text, "\0")
    return everywhere, parse_ignore(text, domain)[len(everywhere) :]


def _store_ignore_file(repository: Repository) -> ObjectId:
    """Store ``.museignore`` as it is now. Raises :class:`Usage` when it cannot be read."""
    root = str(repository.root)
    tree = read_work_tree(root, IgnoreRules(["/*", f"!/{IGNORE_FILE}"]))
    with repository.group() as group:
        contents = read_contents(tree, {}, repository.store, group, StatCache(str(repository.muse)))
    if IGNORE_FILE not in contents.manifest:
        raise Usage(f"{root}/{IGNORE_FILE} cannot be read", hint="Look at its owner and its mode.")
    return contents.manifest[IGNORE_FILE]
