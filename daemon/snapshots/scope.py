"""The part of a work tree that matters to its record: watched folders, notices that count, differences."""

from __future__ import annotations

import os
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path

from museui.repo.ignore import IgnoreRules, read_ignore_rules
from museui.repo.repository import Repository
from museui.repo.scan import read_recorded
from museui.repo.worktree import Stamp, folders_of, read_work_tree


@dataclass(frozen=True, slots=True)
class Scope:
    """The files of the work tree ``root`` that are recorded or would be; ``folders`` are to be watched for them."""

    root: str
    rules: IgnoreRules
    recorded: Set[str]
    recorded_folders: Set[str]
    folders: frozenset[str]

    def concerns(self, paths: Iterable[str]) -> bool:
        """Return whether one of ``paths``, in which something happened, is recorded or would be; may look at files.

        What is ignored does not count, unless it is recorded.
        """
        return any(self._matters(path[len(self.root) + 1 :]) for path in paths)

    def _matters(self, path: str) -> bool:
        if path in self.recorded or path in self.recorded_folders or not path:
            return True
        if self.rules.skips(path):
            return False
        name = path.rpartition("/")[2]
        return not (self.rules.skips_folder(path, name) and Path(self.root, path).is_dir())


def find_scope(path: str) -> Scope:
    """Look for what matters of a work tree; blocks. Raises what reading the record and the ignore rules raises."""
    repository = Repository.open_at(Path(path))
    rules = read_ignore_rules(path, repository.domain)
    recorded = read_recorded(repository).manifest.keys()
    above = folders_of(recorded)
    found = {path, *(f"{path}/{folder}" for folder in above if not _behind_link(path, folder))}
    for folder, names, _ in os.walk(path):
        inside = folder[len(path) + 1 :]
        names[:] = [name for name in names if not rules.skips_folder(f"{inside}/{name}".lstrip("/"), name)]
        found.update(f"{folder}/{name}" for name in names if not Path(folder, name).is_symlink())
    watched = frozenset(folder for folder in found if os.access(folder, os.R_OK | os.X_OK) and Path(folder).is_dir())
    return Scope(path, rules, recorded, above, watched)


def _behind_link(root: str, folder: str) -> bool:
    return os.path.realpath(f"{root}/{folder}") != f"{os.path.realpath(root)}/{folder}"


Stamps = tuple[tuple[str, Stamp], ...]


def read_stamps(path: str) -> Stamps:
    """Return what differs when a file of the work tree was written; blocks. Raises as :func:`find_scope`."""
    repository = Repository.open_at(Path(path))
    rules, recorded = read_ignore_rules(path, repository.domain), read_recorded(repository).manifest
    return tuple(read_work_tree(path, rules, recorded).files.items())
