"""A model of a disk that keeps only what was synced: is all that a name stands for on the disk when it gets that name?

The system calls of this process are noted in their order. A file is on the disk when it was synced after its last
write; its name is when its folder was synced after the name came. Like ext4 without its kindness.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class DiskOrder:
    """Notes what happens from now on. ``watch``: a path's end → what is checked in the moment it gets that name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, watch: dict[str, Callable[[DiskOrder, Path], None]]) -> None:
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._written: dict[tuple[int, int], int] = {}
        self._synced: dict[tuple[int, int], int] = {}
        self._watch = watch
        self.seen: list[str] = []
        """The names of ``watch`` that came, in their order."""
        for name in ("write", "fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "open"):
            monkeypatch.setattr(os, name, self._noting(name, getattr(os, name)))

    def _noting(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            if name in ("replace", "rename"):
                self._check(str(arguments[1]), options)
            result = call(*arguments, **options)
            with self._lock:
                self._note(name, arguments, options)
            return result

        return noted

    def _note(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        number = next(self._numbers)
        if name == "write":
            self._written[_key(os.fstat(arguments[0]))] = number
        elif name == "fsync":
            self._synced[_key(os.fstat(arguments[0]))] = number
        elif name in ("replace", "rename"):
            for path, folder in zip(arguments, (options.get("src_dir_fd"), options.get("dst_dir_fd")), strict=True):
                self._change(path, folder, number)
        elif name != "open" or arguments[1] & os.O_CREAT:
            self._change(arguments[0], options.get("dir_fd"), number)

    def _change(self, path: str, folder: int | None, number: int) -> None:
        """Note that the folder of ``path`` has other names in it now."""
        above = Path(path).parent
        try:
            self._written[_key(os.stat(above, dir_fd=folder))] = number
        except FileNotFoundError:
            return  # a temporary folder that is gone

    def _check(self, path: str, options: dict[str, Any]) -> None:
        for end, check in self._watch.items():
            if options.get("dst_dir_fd") is None and path.endswith(end):
                self.seen.append(end)
                check(self, Path(path))

    def missing(self, *roots: Path, without: str = "") -> list[str]:
        """Return what of the files and folders below ``roots`` a power cut would take now, or leave empty."""
        found = []
        for root in roots:
            for path in (root, *root.rglob("*")):
                if without and without in path.parts:
                    continue
                key = _key(path.stat())
                if path.is_file() and not path.stat().st_size and key not in self._written:
                    continue  # an empty file needs no bytes
                if self._written.get(key, 0) >= self._synced.get(key, 0) and key in self._written:
                    found.append(str(path))
        return found

    def was_synced(self, path: Path) -> bool:
        """Whether it was synced at any time."""
        return _key(path.stat()) in self._synced


def _key(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
