"""A tree of folders without files, links and hidden folders. Control characters in names are escaped."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DirectoryTree

from museui.core.figures import one_line


class FolderTree(DirectoryTree):
    """A tree of folders. Enter posts :class:`DirectoryTree.DirectorySelected`; left and right close and open one."""

    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("left,h", "close", show=False),
        Binding("right,l", "open", show=False),
    ]
    DEFAULT_CSS = """
    FolderTree { background: transparent; padding: 0; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
    FolderTree:focus { background-tint: transparent; }
    FolderTree > .directory-tree--folder { text-style: none; }
    FolderTree > .tree--guides, FolderTree > .tree--guides-hover { color: $border-quiet; }
    FolderTree > .tree--guides-selected { color: $border-quiet; }
    FolderTree > .tree--cursor { background: $cursor-blurred; color: $foreground; text-style: none; }
    FolderTree:focus > .tree--cursor { background: $cursor; color: $foreground; text-style: bold; }
    FolderTree:ansi > .tree--cursor { text-style: underline; }
    FolderTree:ansi:focus > .tree--cursor { text-style: reverse; }
    FolderTree > .tree--highlight, FolderTree > .tree--highlight-line { background: transparent; text-style: none; }
    """

    def __init__(self, path: Path, id: str | None = None) -> None:
        super().__init__(path, id=id)
        self.auto_expand = False
        self.guide_depth = 2

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Return the folders that are neither hidden nor links."""
        return [path for path in paths if not path.name.startswith(".") and _is_folder(path)]

    def process_label(self, label: str | Text) -> Text:
        """Return a folder's name on one line, with control characters escaped."""
        return Text(one_line(label if isinstance(label, str) else label.plain) or " ")

    def action_close(self) -> None:
        """Close the folder, or move to its parent."""
        node = self.cursor_node
        if node and node.is_expanded and node is not self.root:
            node.collapse()
        elif node and node.parent:
            self.move_cursor(node.parent)

    def action_open(self) -> None:
        """Open the folder."""
        if self.cursor_node:
            self.cursor_node.expand()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir() and not path.is_symlink()
    except OSError:
        return False
