"""The hub screen: each hub's state, the person's account and storage there, and the branches pushed to it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from museui.core.errors import MuseError
from museui.core.figures import one_line
from museui.local.messages import HubView

from .. import requests
from ..actions import bindings
from ..colors import COLORS
from ..feed import EVERYTHING
from ..view.hubs import BranchRow, Fact, HubRow, branch_rows, copy_facts, hub_facts, hub_rows
from ..widgets.hanging_indent import hanging_indent
from ..widgets.table import Cell, Column, Row, Table
from .panels import PanelScreen

if TYPE_CHECKING:
    from museui.core.wire import Storage

_HUBS = (Column("", 1), Column(""), Column("", 13, right=True))
_BRANCHES = (
    Column("", 1),
    Column("repository", 22),
    Column("branch", 14),
    Column("state"),
    Column("size", 10, right=True),
)


_LEFT, _WIDE = 44, 100
"""Width in cells of the left panel, and the screen width from which it is beside the other panels."""


class Hub(PanelScreen):
    """A list of hubs at the left, on a narrow screen at the top, and the details of the one under the cursor."""

    WHERE = "hub"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("hub"),
        Binding("left,h", "to('hubs')", show=False),
        Binding("right,l", "to('branches')", show=False),
    ]
    DEFAULT_CSS = """
    Hub #hub-body { height: 1fr; }
    Hub #hub-left { width: 44; }
    Hub #hub-right { width: 1fr; }
    Hub #facts-panel { height: auto; }
    Hub #facts { width: 1fr; }
    Hub #branches-panel { height: 1fr; }
    Hub.-narrow #hub-body { layout: vertical; }
    Hub.-narrow #hub-left { width: 1fr; height: 3; }
    Hub.-narrow.several #hub-left { height: 5; }
    Hub.-narrow #hub-right { height: 1fr; }
    """

    def compose_body(self) -> ComposeResult:
        """Yield the panels: hubs, facts, branches."""
        with Horizontal(id="hub-body"):
            with Vertical(id="hub-left", classes="panel") as hubs:
                hubs.border_title = "Hubs"
                yield Table(_HUBS, empty="no repository has a hub yet", id="hubs")
            with Vertical(id="hub-right"):
                with Vertical(id="facts-panel", classes="panel"):
                    yield Static(id="facts")
                with Vertical(id="branches-panel", classes="panel") as branches:
                    branches.border_title = "Pushed there"
                    yield Table(_BRANCHES, empty="nothing is pushed there", id="branches")

    def __init__(self) -> None:
        super().__init__()
        self._storage: dict[str, Storage | MuseError | None] = {}

    def on_mount(self) -> None:
        """Focus the list of hubs."""
        self.query_one("#hubs").focus()
        self.show_news(EVERYTHING)

    def on_resize(self) -> None:
        """Wrap lines at the new width."""
        self.show_body(EVERYTHING)

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Show every panel: there is little to draw."""
        if "history" in changed:
            self._storage.clear()  # a push may have ended, which changes what is stored
        state, now = self.muse.news.state, self.muse.now()
        self.set_class(len(state.hubs) > 1, "several")
        self.query_one("#hubs", Table).show([_hub(row) for row in hub_rows(state)])
        hub = self.hub
        storage = self._find_storage(hub) if hub else None
        facts = hub_facts(state, hub, now, storage) if hub else []
        self.query_one("#facts-panel").display = bool(hub)
        beside = 0 if self.app.size.width < _WIDE else _LEFT
        self.query_one("#facts", Static).update(_render(facts, self.app.size.width - beside - 4))
        stored = {} if storage is None or isinstance(storage, MuseError) else storage.repositories
        rows = branch_rows(state, hub.base, now, stored) if hub else []
        self.query_one("#branches", Table).show([_branch(row) for row in rows])

    def _find_storage(self, hub: HubView) -> Storage | MuseError | None:
        """Return the storage use on a hub, or the error of asking; None until it answers. Asks once."""
        if hub.base not in self._storage and hub.reachable and hub.user:
            self._storage[hub.base] = None

            def hear(answer: Storage | MuseError | None) -> None:
                self._storage[hub.base] = answer
                if self.is_attached:
                    self.show_body(frozenset())

            self.muse.ask(requests.fetch_storage(hub.base), hear, hear)
        return self._storage.get(hub.base)

    @property
    def hub(self) -> HubView | None:
        """The hub under the cursor; None without hubs."""
        return self.muse.news.state.hubs.get(self.query_one("#hubs", Table).key or "")

    def on_table_moved(self, event: Table.Moved) -> None:
        """Show the hub under the cursor."""
        if event.table.id == "hubs":
            self.show_body(frozenset())

    def action_to(self, name: str) -> None:
        """Focus a list."""
        self.query_one(f"#{name}").focus()

    def action_probe(self) -> None:
        """Ask the hubs again and retry the queue."""
        self.muse.ask_and_say(requests.retry_all)

    def action_copy(self) -> None:
        """Copy the facts."""
        if self.hub:
            self.muse.copy(
                copy_facts(hub_facts(self.muse.news.state, self.hub, self.muse.now(), self._find_storage(self.hub)))
            )


def _hub(row: HubRow) -> Row:
    return Row(
        row.id, (Cell(row.status.symbol, row.status.tone), Cell(row.name, "text"), Cell(row.note, row.status.tone))
    )


def _branch(row: BranchRow) -> Row:
    tone = row.status.tone
    return Row(
        row.id,
        (
            Cell(row.status.symbol, tone),
            Cell(row.repository, "text"),
            Cell(row.branch),
            Cell(row.state, tone),
            Cell(row.size),
        ),
    )


def _render(facts: list[Fact], width: int) -> Content:
    widest = max((len(fact.label) for fact in facts), default=0)
    lines: list[Content] = []
    for fact in facts:
        label = Content.styled(f"{fact.label:<{widest}}  ", COLORS["quiet"])
        lines += hanging_indent(label, Content.styled(one_line(fact.text), COLORS[fact.tone]), width)
    return Content("\n").join(lines)
