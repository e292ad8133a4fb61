"""A page of text, and the page of one push."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from museui.core.figures import render_bytes, render_count, render_seconds
from museui.core.phases import TOTAL_GATE_S
from museui.local.messages import CommitView, PushView, Trouble

from .clock import render_ago, render_moment
from .error_text import explain
from .push import describe_progress
from .status import Tone


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page: ``label`` at the left, ``text`` in ``tone`` beside it."""

    label: str
    text: str
    tone: Tone = "text"


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together, below a ``title`` that may be empty."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of text. ``push`` is drawn below the summary, each phase beside its ``usual`` median in seconds."""

    title: str
    summary: str
    tone: Tone
    sections: tuple[Section, ...] = ()
    push: PushView | None = None
    usual: Mapping[str, float] | None = None
    now: float = 0.0


def trouble_section(title: str, trouble: Trouble) -> Section:
    """Return all of an error: its message, its hint, its code and its details."""
    return Section(title, tuple(Line(label, text, "text" if label else "bad") for label, text in explain(trouble)))


def push_page(
    push: PushView, name: str, usual: Mapping[str, float], now: float, commits: Sequence[CommitView] = ()
) -> Page:
    """Return the page of one push. ``commits`` are those it sent, newest first; some may be missing."""
    said: dict[str, tuple[str, Tone]] = {
        "running": (describe_progress(push), "busy"),
        "done": ("is on the hub", "good"),
        "up_to_date": ("was up to date", "good"),
        "cancelled": ("was cancelled", "wait"),
    }
    words, tone = said.get(push.result, ("failed", "bad"))
    slower = f", slower than usual: {push.slower.replace('_', ' ')}" if push.slower else ""
    took = f": {_took(push, usual)}" if push.result == "done" else ""
    summary = f"Push {push.id} of {name}{':' if push.result == 'running' else ''} {words}{took}{slower}"
    sections = [trouble_section("What went wrong", push.error)] if push.error else []
    sections += [Section("What was sent", tuple(_sent(push))), Section("The hub's receipt", tuple(_receipt(push)))]
    sections += [Section("When", tuple(_when(push, usual, now))), Section("Commits", tuple(_commits(push, commits)))]
    sections = [section for section in sections if section.lines]
    return Page(f"{name}   {push.branch} → {push.remote}", summary, tone, tuple(sections), push, usual, now)


def _sent(push: PushView) -> Iterable[Line]:
    if push.commits:
        kinds = ((push.commits, "commit"), (push.snapshots, "snapshot"), (push.objects, "object"))
        yield Line("records", ", ".join(render_count(number, noun) for number, noun in kinds))
    if push.wire_bytes:
        ratio = f", {push.raw_bytes / push.wire_bytes:.1f} : 1" if push.raw_bytes else ""
        yield Line("bytes", f"{render_bytes(push.raw_bytes)} as {render_bytes(push.wire_bytes)}{ratio}")
    if push.strategy:
        yield Line("sent as", push.strategy)


def _commits(push: PushView, commits: Sequence[CommitView]) -> Iterable[Line]:
    for commit in commits:
        yield Line(commit.id[:8], commit.message or "(no message)", "text" if commit.message else "quiet")
    if len(commits) < push.commits and commits:
        yield Line("", f"and {push.commits - len(commits)} more", "quiet")


def _receipt(push: PushView) -> Iterable[Line]:
    yield Line("to", push.url, "text" if push.url else "quiet")
    yield Line("head", push.head)
    if push.previous_head:
        yield Line("before", push.previous_head, "quiet")
    if push.push_id:
        yield Line("push", push.push_id)
    if push.bundle_id:
        yield Line("bundle", push.bundle_id, "quiet")


def _when(push: PushView, usual: Mapping[str, float], now: float) -> Iterable[Line]:
    yield Line("began", render_moment(push.started_at))
    if push.ended_at is not None:
        yield Line("ended", f"{render_moment(push.ended_at)}, {render_ago(now - push.ended_at)}")
        yield Line("took", _took(push, usual))
    if push.tries > 1:
        yield Line("tries", f"{push.tries} in a row ended like this")


def _took(push: PushView, usual: Mapping[str, float]) -> str:
    often = f", usual {render_seconds(usual['total'])}" if "total" in usual else ""
    return f"{render_seconds(push.total_seconds)} of {TOTAL_GATE_S:g} s{often}"


def copy_page(page: Page) -> str:
    """Return a page as plain text for the clipboard."""
    lines = [page.title, page.summary]
    for section in page.sections:
        lines += ["", *([section.title] if section.title else [])]
        lines += [f"{line.label}: {line.text}" if line.label else line.text for line in section.lines]
    return "\n".join(lines)
