"""The screen to add repositories: a tree of folders, and the Muse repositories that the daemon finds below one."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import DirectoryTree, Static

from museui.core.errors import MuseError, Usage
from museui.core.figures import one_line
from museui.local.messages import FoundView, RepositoryView, Trouble, decode, trouble_of

from .. import requests
from ..actions import bindings
from ..colors import COLORS
from ..feed import EVERYTHING
from ..view.error_text import copy_lines
from ..view.repository_search import FoundRow, Search, describe_found, describe_nothing, describe_search, found_rows
from ..widgets.folders import FolderTree
from ..widgets.hanging_indent import hanging_indent
from ..widgets.table import Cell, Column, Row, Table
from .edit import Edit
from .panels import PanelScreen

_WHERE_TO = "A hub's address, an owner and a name: https://hub.example/ada/song. The first push makes it there."
_FOUND = (Column("", 1), Column("repository"), Column("pushed to", 30, from_width=60))


class AddRepository(PanelScreen):
    """A search runs until it ends, another begins, or the screen is closed."""

    WHERE = "add"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("add")]
    DEFAULT_CSS = """
    AddRepository #add-body { height: 1fr; }
    AddRepository #folders-panel { width: 34; }
    AddRepository #folders { height: 1fr; }
    AddRepository #add-right { width: 1fr; }
    AddRepository #found-panel { height: 1fr; }
    AddRepository #search { height: auto; max-height: 3; margin-bottom: 1; }
    AddRepository #found { height: 1fr; }
    AddRepository #detail-panel { height: auto; max-height: 9; }
    AddRepository #detail { width: 1fr; }
    AddRepository.-narrow #folders-panel { width: 26; }
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Begin in ``folder``; without one, in the home folder."""
        super().__init__()
        self._folder = folder or Path.home()
        self.search = Search(str(self._folder))
        self._number = 0
        self._failures: dict[str, Trouble] = {}
        self._asking: set[str] = set()

    def compose_body(self) -> ComposeResult:
        """Yield the tree, the search results and the details."""
        with Horizontal(id="add-body"):
            with Vertical(id="folders-panel", classes="panel") as folders:
                folders.border_title = "Search below"
                yield FolderTree(self._folder, id="folders")
            with Vertical(id="add-right"):
                with Vertical(id="found-panel", classes="panel") as found:
                    found.border_title = "Repositories"
                    yield Static(id="search")
                    yield Table(_FOUND, id="found")
                with Vertical(id="detail-panel", classes="panel"):
                    yield Static(id="detail")

    def on_mount(self) -> None:
        """Search below the home folder."""
        self.query_one("#found").focus()
        self.action_look()

    def on_unmount(self) -> None:
        """End the search."""
        self._number += 1

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Show the results so far."""
        if changed and not changed & {"repositories"}:
            return
        watched = self._watched
        text, tone = describe_search(self.search, list(watched))
        self.query_one("#search", Static).update(Content.styled(one_line(text), COLORS[tone]))
        rows = found_rows(self.search, watched, self._failures)
        self.query_one("#found", Table).show([_row(row) for row in rows])
        self._show_detail()

    def _show_detail(self) -> None:
        lines = self._detail_lines()
        self.query_one("#detail-panel").display = bool(lines)
        self.query_one("#detail", Static).update(Content("\n").join(lines))

    def _detail_lines(self) -> list[Content]:
        item = self._item
        if item is None:
            return [Content(one_line(line)) for line in describe_nothing(self.search)]
        detail = describe_found(item, item.path in self._watched, self._failures.get(item.path))
        width = self.query_one("#found").size.width
        return [
            line
            for label, text in detail.lines
            for line in hanging_indent(
                Content.styled(f"{label:>7}  " if label else "", COLORS["quiet"]), _tell(text), width
            )
        ]

    def on_resize(self) -> None:
        """Wrap lines at the new width."""
        self.call_after_refresh(self._show_detail)

    @property
    def _watched(self) -> dict[str, RepositoryView]:
        return {item.path: item for item in self.muse.news.state.repositories.values()}

    @property
    def _item(self) -> FoundView | None:
        key = self.query_one("#found", Table).key
        return next((item for item in self.search.found if item.path == key), None)

    def on_table_moved(self) -> None:
        """Show the details of the repository under the cursor."""
        self._show_detail()

    def on_table_chosen(self) -> None:
        """Watch the repository, or stop watching it."""
        self.action_look_after()

    def on_directory_tree_directory_selected(self, event: DirectoryTree.DirectorySelected) -> None:
        """Search below the folder."""
        event.node.expand()
        self._look(str(event.path))

    def action_look(self) -> None:
        """Search below the same folder again."""
        self._look(self.search.below)

    def action_above(self) -> None:
        """Move the root of the tree to its parent folder, and search below that."""
        self._folder = self._folder.parent
        self.query_one(FolderTree).path = self._folder
        self._look(str(self._folder))

    def _look(self, below: str) -> None:
        self._number += 1
        number = self._number
        self._failures.clear()
        self.search = Search(below)
        self.show_body(EVERYTHING)

        def report(event: dict[str, Any]) -> bool:
            self.muse.call_in_app(take, event)
            return number == self._number

        def take(event: dict[str, Any]) -> None:
            if number == self._number:
                self._take_event(event)

        def failed(error: MuseError) -> None:
            if number == self._number:
                self._show_search(replace(self.search, over=True, failure=trouble_of(error)))

        self.muse.ask(requests.search_repositories(below, report), lambda _: None, failed)

    def _take_event(self, event: dict[str, Any]) -> None:
        search = self.search
        match event.get("event"):
            case "found":
                found = decode(FoundView, event.get("repository"))
                self.search = replace(search, found=(*search.found, found))
            case "looked":
                self._show_search(replace(search, folders=event["folders"]))
            case "end":
                counts = {name: event[name] for name in ("folders", "unreadable", "complete")}
                self._show_search(replace(search, over=True, **counts))

    def _show_search(self, search: Search) -> None:
        self.search = search
        self.show_body(EVERYTHING)

    def action_look_after(self) -> None:
        """Watch the repository; stop watching one that is watched, after a question."""
        item = self._item
        if item is None or item.path in self._asking:
            return
        if watched := self._watched.get(item.path):
            self.muse.ask_to_remove(watched)
            return
        if item.proposed_url is not None:
            question = f"Where to push {Path(item.path).name}"
            help = f"{_WHERE_TO} {item.proposed_note}".rstrip()
            self.app.push_screen(
                Edit(question, item.proposed_url, help, lambda text: requests.watch(item.path, _url(text)))
            )
            return
        self._watch(item.path)

    def _watch(self, path: str) -> None:
        self._asking.add(path)
        self._failures.pop(path, None)

        def then(text: str) -> None:
            self._asking.discard(path)
            self.muse.say(text)

        def failed(error: MuseError) -> None:
            self._asking.discard(path)
            if self.is_attached:
                self._failures[path] = trouble_of(error)
                self.show_body(EVERYTHING)

        self.muse.ask(requests.watch(path), then, failed)

    def action_remove(self) -> None:
        """Stop watching the repository, after a question."""
        item = self._item
        watched = self._watched.get(item.path) if item else None
        if watched:
            self.muse.ask_to_remove(watched)
        else:
            self.notify("it is not watched")

    def action_copy(self) -> None:
        """Copy the details of the repository under the cursor."""
        item = self._item
        if item:
            detail = describe_found(item, item.path in self._watched, self._failures.get(item.path))
            self.muse.copy(copy_lines(detail.lines))


def _url(text: str) -> str:
    if not text.strip():
        raise Usage("the address is empty", hint=_WHERE_TO)
    return text.strip()


def _tell(text: str) -> Content:
    return Content(one_line(text))


def _row(row: FoundRow) -> Row:
    tone = row.status.tone
    return Row(
        row.path,
        (Cell(row.status.symbol, tone), Cell(row.name, "text"), Cell(row.target, "quiet" if tone != "bad" else tone)),
    )
