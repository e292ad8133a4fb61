"""The settings screen: settings of each repository and of MuseUI. Enter changes the one under the cursor."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from museui.core.figures import one_line
from museui.local.messages import RepositoryView

from .. import requests
from ..actions import bindings
from ..feed import EVERYTHING
from ..requests import Request
from ..themes import THEME_NAMES
from ..view.lists import repository_rows
from ..view.settings import Setting, end_of_pause, own_settings, parse_patterns, repository_settings
from ..widgets.table import Cell, Column, Row, Table
from .choose import Choose
from .edit import Edit
from .panels import PanelScreen

_OWN = "museui"
_SUBJECTS = (Column("", 1), Column(""))
_SETTINGS = (Column("", 17), Column(""))


class Settings(PanelScreen):
    """MuseUI and the repositories at the left; at the right the settings of one, with an explanation below."""

    WHERE = "settings"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("settings"),
        Binding("left,h", "to('subjects')", show=False),
        Binding("right,l", "to('settings')", show=False),
    ]
    DEFAULT_CSS = """
    Settings #settings-body { height: 1fr; }
    Settings #settings-left { width: 34; }
    Settings #settings-right { width: 1fr; }
    Settings #settings { height: 1fr; }
    Settings #settings-help { height: 3; width: 1fr; color: $quiet; }
    Settings.-narrow #settings-left { width: 24; }
    """

    def compose_body(self) -> ComposeResult:
        """Yield the two lists and the explanation."""
        with Horizontal(id="settings-body"):
            with Vertical(id="settings-left", classes="panel") as left:
                left.border_title = "Settings of"
                yield Table(_SUBJECTS, id="subjects")
            with Vertical(id="settings-right", classes="panel"):
                yield Table(_SETTINGS, empty="it is gone", id="settings")
                yield Static(id="settings-help", markup=False)

    def on_mount(self) -> None:
        """Select the repository that is selected on the dashboard."""
        self.show_news(EVERYTHING)
        self.query_one("#subjects", Table).select(self.muse.chosen_repository() or _OWN)
        self.query_one("#settings").focus()

    def show_body(self, changed: AbstractSet[str]) -> None:
        """Update both lists."""
        if changed and not changed & {"repositories", "queue", "daemon"}:
            return
        rows = [Row(_OWN, (Cell("■"), Cell("MuseUI", "text")))]
        for row in repository_rows(self.muse.news.state, self.muse.now()):
            rows.append(Row(row.id, (Cell(row.status.symbol, row.status.tone), Cell(row.name, "text"))))
        self.query_one("#subjects", Table).show(rows)
        self._show_settings()

    def _show_settings(self) -> None:
        settings = self.settings
        table = self.query_one("#settings", Table)
        table.show([Row(item.id, (Cell(item.label), Cell(item.value, item.tone))) for item in settings])
        name = self.repository.name if self.repository else "MuseUI"
        self.query_one("#settings-right").border_title = one_line(name).replace("[", "\\[")
        self._show_help()

    def _show_help(self) -> None:
        setting = self.setting
        self.query_one("#settings-help", Static).update(one_line(setting.help) if setting else "")

    @property
    def repository(self) -> RepositoryView | None:
        """The repository selected at the left; None for MuseUI itself."""
        return self.muse.news.state.repositories.get(self.query_one("#subjects", Table).key or "")

    @property
    def settings(self) -> list[Setting]:
        """The settings listed at the right."""
        if self.repository:
            return repository_settings(self.repository, self.muse.now())
        return own_settings(self.muse.news.state, self.muse.theme_name(), THEME_NAMES, self.muse.now())

    @property
    def setting(self) -> Setting | None:
        """The setting under the cursor."""
        key = self.query_one("#settings", Table).key
        return next((item for item in self.settings if item.id == key), None)

    def on_table_moved(self, event: Table.Moved) -> None:
        """Update the right list, or the explanation."""
        if event.table.id == "subjects":
            self._show_settings()
        else:
            self._show_help()

    def on_table_chosen(self, event: Table.Chosen) -> None:
        """Go from the left list to the right one; there, change the setting."""
        if event.table.id == "subjects":
            self.action_to("settings")
        else:
            self.action_change()

    def action_to(self, name: str) -> None:
        """Focus a list."""
        self.query_one(f"#{name}").focus()

    def action_change(self) -> None:
        """Change the setting under the cursor."""
        setting, repository = self.setting, self.repository
        if setting is None or setting.kind == "fact":
            self.notify("this cannot be changed here")
        elif setting.kind == "choice":
            self._choose(setting, repository)
        elif repository:
            title = f"{repository.name}: {setting.label}"
            self.app.push_screen(
                Edit(title, setting.text, setting.help, lambda text: _edited(repository, setting, text))
            )

    def _choose(self, setting: Setting, repository: RepositoryView | None) -> None:
        def chosen(key: str | None) -> None:
            if key is None:
                return
            if repository:
                self.muse.ask_and_say(self._chosen(repository, setting, key))
            else:
                self.muse.use_theme(key)
                self._show_settings()

        self.app.push_screen(Choose(setting.label, setting.options, setting.text), chosen)

    def _chosen(self, repository: RepositoryView, setting: Setting, key: str) -> Request[str]:
        if setting.id == "snapshot_on_change":
            return requests.change_settings(repository, {setting.id: key == "yes"})
        if key == "none":
            return requests.resume(repository)
        return requests.pause(repository, end_of_pause(key, self.muse.now()))


def _edited(repository: RepositoryView, setting: Setting, text: str) -> Request[str]:
    if setting.id == "branches":
        return requests.change_settings(repository, {"branches": parse_patterns(text)})
    return requests.change_settings(repository, {"remote": text.strip() or None})
