"""The work tree as it is now: which files would be recorded, and what is there that will not be.

Nothing is followed and nothing is guessed.  One file that cannot be recorded keeps no other from it: it is named with
the rule it breaks.  What is recorded already and still there stays so, whatever the ignore rules say: they are about
new files alone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .files import disk_error
from .ignore import OWN, IgnoreRules, built_in_file, built_in_folder
from .unrecordable import ACCESS_HINT, UNTRACK_HINT, Unrecordable, name_rule, readable, rule_of, size_rule

_LINK = "symbolic link"
_SPECIAL = "special file"


class Stamp(NamedTuple):
    """The facts about a file that differ when it was written or replaced."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True, slots=True)
class WorkTree:
    """``files``: the paths to be recorded, sorted, with their stamps. ``kept``: recorded paths that cannot be read now.

    ``left_out``: links and special files, with what they are. ``excluded``: what a built-in rule leaves out (a folder
    ends in ``/``), with the rule.
    """

    root: str
    files: Mapping[str, Stamp]
    kept: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    excluded: tuple[tuple[str, str], ...]
    unrecordable: tuple[Unrecordable, ...]


def read_work_tree(root: str, rules: IgnoreRules, recorded: Collection[str] = frozenset()) -> WorkTree:
    """Look through the folder ``root``. ``recorded``: the paths in the record that is checked out, a set or a map.

    Raises our errors when the folder itself cannot be listed.
    """
    walk = _Walk(root, rules, recorded)
    walk.run()
    return walk.result()


def folders_of(paths: Collection[str]) -> set[str]:
    """Return every folder that one of ``paths`` is in, but for the root."""
    found: set[str] = set()
    for path in paths:
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    return found


class _Walk:
    def __init__(self, root: str, rules: IgnoreRules, recorded: Collection[str]) -> None:
        self._root = root
        self._rules = rules
        self._recorded = recorded
        self._folders: dict[str, str] = {}
        """Folders above recorded files that the walk did not enter → what stands there."""
        self._entered: set[str] = set()
        self._files: dict[str, Stamp] = {}
        self._kept: set[str] = set()
        self._left_out: list[tuple[str, str]] = []
        self._excluded: list[tuple[str, str]] = []
        self._unrecordable: list[Unrecordable] = []

    def result(self) -> WorkTree:
        return WorkTree(
            self._root,
            {path: self._files[path] for path in sorted(self._files)},
            tuple(sorted(self._kept)),
            tuple(sorted(self._left_out)),
            tuple(sorted(self._excluded)),
            tuple(sorted(self._unrecordable, key=lambda item: item.path)),
        )

    def run(self) -> None:
        prefixes = [""]
        while prefixes:
            prefix = prefixes.pop()
            for entry in self._list_folder(prefix):
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if not self._skips_folder(path, entry.name):
                        prefixes.append(path + "/")
                elif path in self._recorded or not self._skips_file(path, entry.name):
                    self._take(path, entry)
        for path in self._recorded:
            if path.rpartition("/")[0] not in self._entered:
                self._look_at_recorded(path)

    def _list_folder(self, prefix: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self._root}/{prefix}") as entries:
                found = list(entries)
        except OSError as exc:
            if not prefix:
                raise disk_error(exc, f"cannot list {self._root}") from exc
            if not isinstance(exc, (FileNotFoundError, NotADirectoryError)):
                self._name(prefix, f"the folder cannot be listed: {exc.strerror or exc}", ACCESS_HINT)
            return []
        self._entered.add(prefix[:-1])
        return found

    def _skips_folder(self, path: str, name: str) -> bool:
        if rule := built_in_folder(name):
            self._exclude(path + "/", rule)
            return True
        return self._rules.skips_folder(path, name)

    def _skips_file(self, path: str, name: str) -> bool:
        if rule := built_in_file(name):
            self._exclude(path, rule)
            return True
        return self._rules.skips_file(path, name)

    def _exclude(self, path: str, rule: str) -> None:
        if rule not in (".muse", OWN):
            self._excluded.append((readable(path), rule))

    def _take(self, path: str, entry: os.DirEntry[str]) -> None:
        if not entry.is_file(follow_symlinks=False):
            self._leave_out(path, _LINK if entry.is_symlink() else _SPECIAL)
            return
        if path not in self._recorded and (rule := name_rule(path)):
            self._name(path, rule, "Rename it, or leave it out with a pattern in .museignore.")
            return
        try:
            self._add(path, entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            return
        except OSError as exc:
            self._name(path, rule_of(exc), ACCESS_HINT)

    def _add(self, path: str, status: os.stat_result) -> None:
        if rule := size_rule(status.st_size):
            self._name(path, rule, "Split it, or leave it out with a pattern in .museignore.")
            return
        self._files[path] = stamp_of(status)

    def _leave_out(self, path: str, kind: str) -> None:
        if path in self._recorded:
            self._name(path, f"a {kind} stands where a file is recorded", UNTRACK_HINT)
        else:
            self._left_out.append((readable(path), kind))

    def _name(self, path: str, rule: str, hint: str) -> None:
        self._unrecordable.append(Unrecordable(readable(path), rule, hint))
        if path in self._recorded:
            self._kept.add(path)

    def _look_at_recorded(self, path: str) -> None:
        """Find a recorded file whose folder the walk did not enter: it is ignored, cannot be listed, or is gone."""
        above = self._stands(path.rpartition("/")[0])
        if above == "gone":
            return
        if above != "folder":
            self._name(path, f"its folder is {above}", UNTRACK_HINT if above == f"a {_LINK}" else ACCESS_HINT)
            return
        try:
            status = os.lstat(f"{self._root}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as exc:
            self._name(path, rule_of(exc), ACCESS_HINT)
            return
        if stat.S_ISREG(status.st_mode):
            self._add(path, status)
        elif not stat.S_ISDIR(status.st_mode):
            self._leave_out(path, _LINK if stat.S_ISLNK(status.st_mode) else _SPECIAL)

    def _stands(self, folder: str) -> str:
        """Return ``folder``, ``gone``, or what stands in the way to it."""
        if folder in self._entered:
            return "folder"
        known = self._folders.get(folder)
        if known is None:
            above = self._stands(folder.rpartition("/")[0])
            known = self._folders[folder] = self._look_at_folder(folder) if above == "folder" else above
        return known

    def _look_at_folder(self, folder: str) -> str:
        try:
            mode = os.lstat(f"{self._root}/{folder}").st_mode
        except (FileNotFoundError, NotADirectoryError):
            return "gone"
        except OSError as exc:
            return f"not readable: {exc.strerror or exc}"
        if stat.S_ISLNK(mode):
            return f"a {_LINK}"
        return "folder" if stat.S_ISDIR(mode) else "gone"
