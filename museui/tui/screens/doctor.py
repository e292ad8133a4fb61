"""The doctor screen: the daemon's checks of what keeps commits from being safe, each with its fix."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from museui.core.errors import MuseError
from museui.core.figures import one_line
from museui.local.messages import Check

from .. import requests
from ..actions import bindings
from ..colors import COLORS
from ..view.doctor import Finding, Findings, copy_findings, describe_checks
from ..widgets.hanging_indent import hanging_indent
from ..widgets.scroll import Scroll
from .panels import PanelScreen

_WIDEST_NAME = 44


class Doctor(PanelScreen):
    """Runs the checks when it is opened and on request."""

    WHERE = "doctor"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("doctor")]
    DEFAULT_CSS = "Doctor Scroll { height: 1fr; } Doctor Static { width: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.found: Findings | None = None
        self._looking = False

    def compose_body(self) -> ComposeResult:
        """Yield the text in a scroller."""
        with Scroll(classes="panel") as box:
            box.border_title = "Doctor"
            yield Static(id="findings")

    def on_mount(self) -> None:
        """Run the checks."""
        self.action_examine()

    def action_examine(self) -> None:
        """Run the checks, unless they are running."""
        if self._looking:
            return
        self._looking = True
        self._say(Content.styled("Checking …", COLORS["busy"]))
        self.muse.ask(requests.run_doctor, self._examined, self._refused)

    def _refused(self, error: MuseError) -> None:
        self._looking, self.found = False, None
        if self.is_attached:
            lines = [Content.styled(f"✗ {one_line(error.message)}", COLORS["bad"]), Content(one_line(error.hint or ""))]
            self._say(Content("\n").join(lines))

    def _examined(self, checks: list[Check]) -> None:
        self._looking = False
        if not self.is_attached:
            return
        self.found = describe_checks(checks)
        self._show()
        at = time.strftime("%H:%M:%S", time.localtime(self.muse.now()))
        self.query_one(Scroll).border_subtitle = f"checked at {at}"

    def on_resize(self) -> None:
        """Wrap lines at the new width."""
        self._show()

    def _show(self) -> None:
        if self.found:
            self._say(_render(self.found, max(20, self.app.size.width - 6)))

    def _say(self, content: Content) -> None:
        self.query_one("#findings", Static).update(content)

    def action_copy(self) -> None:
        """Copy the findings."""
        if self.found:
            self.muse.copy(copy_findings(self.found))
        else:
            self.notify("the checks have not ended yet")


def _render(found: Findings, width: int) -> Content:
    widest = min(_WIDEST_NAME, max((len(_name(finding)) for finding in found.findings), default=0))
    lines = [Content.styled(found.summary, f"bold {COLORS[found.tone]}"), Content("")]
    for finding in found.findings:
        lines += _render_finding(finding, widest, width)
    return Content("\n").join(lines)


def _name(finding: Finding) -> str:
    return one_line(finding.name.replace(f"{Path.home()}/", "~/"))


def _render_finding(finding: Finding, widest: int, width: int) -> list[Content]:
    name, message, tone = _name(finding), Content(one_line(finding.message)), COLORS[finding.status.tone]
    if finding.status.tone == "good":
        lead = Content.assemble((f"{finding.status.symbol} ", tone), f"{name:<{widest}}  ")
        return hanging_indent(lead, message.stylize(COLORS["quiet"]), width)
    lines = [
        Content.styled(f"{finding.status.symbol} {name}", f"bold {tone}"),
        *hanging_indent(Content("  "), message, width),
    ]
    if finding.hint:
        lines += hanging_indent(Content.styled("  do  ", COLORS["quiet"]), Content(one_line(finding.hint)), width)
    return [*lines, Content("")]
