"""A list of paths as folders within folders, as deep as a page can show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class FileLeaf:
    """A file: what it is called in its folder, and its whole path."""

    name: str
    path: str
    size_bytes: int


@dataclass(slots=True)
class Folder:
    """A folder with all that is below it."""

    name: str
    folders: dict[str, Folder] = field(default_factory=dict)
    files: list[FileLeaf] = field(default_factory=list)

    @property
    def count(self) -> int:
        """The files below it."""
        return len(self.files) + sum(folder.count for folder in self.folders.values())

    @property
    def size_bytes(self) -> int:
        """The bytes of all of them."""
        return sum(file.size_bytes for file in self.files) + sum(item.size_bytes for item in self.folders.values())


def grow_tree(files: Sequence[tuple[str, int]]) -> Folder:
    """The tree of ``files`` (path, size); what lies deeper than 8 folders is listed in the eighth."""
    root = Folder("")
    for path, size_bytes in files:
        *names, name = path.split("/", _DEEPEST)
        folder = root
        for part in names:
            folder = folder.folders.setdefault(part, Folder(part))
        folder.files.append(FileLeaf(name, path, size_bytes))
    return root
