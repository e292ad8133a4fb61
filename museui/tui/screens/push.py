"""The push screen: one push with its phases, limits, usual durations, figures, receipt and error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from museui.local.messages import CommitView, PushView

from .. import requests
from ..actions import bindings
from ..feed import EVERYTHING
from ..view.lists import name_of
from ..view.page import Page, push_page
from .text import TextScreen


class PushScreen(TextScreen):
    """Shows a push that runs or has ended."""

    WHERE = "push"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("push")]

    def __init__(self, push: PushView) -> None:
        super().__init__()
        self._push = push
        self._usual: dict[str, float] = {}
        self._commits: Sequence[CommitView] = ()
        self._counted = 0

    def on_mount(self) -> None:
        """Request the usual durations, which are shown when they arrive."""
        super().on_mount()
        self.muse.ask(requests.fetch_medians(self._push.repository), self._take_usual)

    def _take_usual(self, usual: dict[str, float]) -> None:
        self._usual = usual
        self.show_news(EVERYTHING)

    def _take_commits(self, commits: Sequence[CommitView]) -> None:
        self._commits = commits
        self.show_news(EVERYTHING)

    def page(self) -> Page:
        """Return the page of the push in its present state."""
        state, key = self.muse.news.state, str(self._push.id)
        self._push = state.pushes.get(key) or state.history.get(key) or self._push
        if self._push.commits != self._counted:
            self._counted, number = self._push.commits, self._push.id
            self.muse.ask(requests.fetch_commits(number), self._take_commits)
        name = name_of(state, self._push.repository, self._push.path)
        stands = self._push.result == "running" and key not in state.pushes  # the daemon is gone: its time stands still
        return push_page(self._push, name, self._usual, 0.0 if stands else self.muse.now(), self._commits)

    def action_retry(self) -> None:
        """Retry the queue entry of the push's branch."""
        queue = self.muse.news.state.queue.values()
        mine = [entry for entry in queue if (entry.path, entry.branch) == (self._push.path, self._push.branch)]
        if mine:
            self.muse.ask_and_say(requests.retry(mine))
        else:
            self.notify("nothing to retry")
