"""The repository screen: what keeps a repository from being safe, and what to do."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from museui.local.messages import RepositoryView

from ..actions import bindings
from ..view.page import Page
from ..view.repository import repository_page
from .text import TextScreen


class RepositoryScreen(TextScreen):
    """Shows a watched repository."""

    WHERE = "repository"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("repository")]

    def __init__(self, repository: RepositoryView) -> None:
        super().__init__()
        self._repository = repository

    def page(self) -> Page:
        """Return the page of the repository in its present state."""
        state = self.muse.news.state
        self._repository = state.repositories.get(self._repository.id) or self._repository
        return repository_page(state, self._repository, self.muse.now())

    def action_retry(self) -> None:
        """Retry its queue entries, or check it again when it has none."""
        self.muse.retry(self._repository)

    def action_sign_in(self) -> None:
        """Sign in to its hub."""
        self.muse.sign_in(self._repository)
