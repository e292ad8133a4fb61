"""The page of one repository: its error and what to do, the states of its branches, its queue entries."""

from __future__ import annotations

from museui.local.messages import RepositoryView
from museui.local.state import State

from .clock import render_moment
from .lists import queue_rows
from .page import Line, Page, Section, trouble_section
from .push import describe_repository, describe_unchecked
from .status import branch_status


def repository_page(state: State, repository: RepositoryView, now: float) -> Page:
    """Return the page of a watched repository."""
    panel = describe_repository(state, repository, now)
    sections: list[Section] = []
    if panel.trouble:  # the summary has its sentence
        sections.append(Section("", trouble_section("", panel.trouble).lines[1:]))
    branches = [(item.branch, branch_status(item)) for item in repository.branches]
    sections.append(
        Section("Branches", tuple(Line("", f"{name}: {status.word}", status.tone) for name, status in branches))
    )
    mine = {entry.id for entry in state.queue.values() if entry.repository == repository.id}
    rows = [row for row in queue_rows(state, now) if row.id in mine]
    waits = tuple(Line("", f"{row.branch}: {row.state}   {row.next_try}", row.tone) for row in rows)
    sections.append(Section("Queue", waits))
    sections.append(Section("Where", tuple(_where(repository))))
    sections = [section for section in sections if section.lines]
    return Page(panel.title, panel.summary, panel.tone, tuple(sections), now=now)


def _where(repository: RepositoryView) -> list[Line]:
    lines = [Line("folder", repository.path)]
    if repository.url:
        lines.append(Line("hub", repository.url))
    if unchecked := describe_unchecked(repository):
        lines.append(Line("not checked", unchecked, "wait"))
    if repository.safe_at is not None:
        lines.append(Line("last safe", render_moment(repository.safe_at), "quiet"))
    return lines
