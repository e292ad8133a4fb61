"""``objects.gc`` and ``objects.scrub``: what ``museui hub gc`` and ``fsck`` do, by itself, a slice at a time.

Between slices promotions have their turn, and after a kill the next slice is the one that was under way.
"""

from __future__ import annotations

import logging
import time
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from museui.core.failpoints import failpoint

from ..log import log_facts
from ..maintenance.check import check_hub
from ..maintenance.collect import collect_garbage
from ..maintenance.findings import Part, Report, forget_mended, write_findings
from ..maintenance.steps import Cursor
from ..maintenance.tally import GcOptions, Tally
from ..state import HubState
from .queue import Job
from .schedule import end_work, make_way, read_progress

SLICE_S = 10.0
_log = logging.getLogger("hubstub.jobs")


async def run_gc(hub: HubState, job: Job) -> None:
    """One slice of a collection with the hub's own grace period."""
    progress = await read_progress(hub, job)
    tally = Tally.from_json(progress["tally"]) if progress else Tally()
    start = Cursor(**progress["cursor"]) if progress else None
    until = time.monotonic() + SLICE_S
    options = GcOptions(apply=True, grace_s=hub.settings.gc_grace_s)
    async with aclosing(collect_garbage(hub, options, tally, start)) as steps:
        async for cursor in steps:
            if time.monotonic() >= until:
                await make_way(hub, job, {"cursor": asdict(cursor), "tally": tally.to_json()})
                failpoint("jobs.made_way")
                return
            await hub.desk.wait_quiet()
    await end_work(hub, job, tally.to_json())
    log_facts(_log, "collected", **{kind: count.count for kind, count in tally.taken.items()})


async def run_scrub(hub: HubState, job: Job) -> None:
    """One slice of a check of everything; what is wrong goes into the log and the table of damage."""
    progress = await read_progress(hub, job) or {"cursor": None, "began": hub.now(), "checked": {}, "damaged": 0}
    report = Report(checked=progress["checked"])
    start = Cursor(**progress["cursor"]) if progress["cursor"] else None
    until = time.monotonic() + SLICE_S
    async with aclosing(check_hub(hub, Part(), report, start)) as steps:
        async for cursor in steps:
            if time.monotonic() >= until:
                await make_way(hub, job, {**await _note(hub, report, progress), "cursor": asdict(cursor)})
                failpoint("jobs.made_way")
                return
            await hub.desk.wait_quiet()
    noted = await _note(hub, report, progress)
    await forget_mended(hub, noted["began"], Part())
    await end_work(hub, job, {"checked": noted["checked"], "damaged": noted["damaged"]})
    log_facts(_log, "scrubbed", damaged=noted["damaged"], **noted["checked"])


async def _note(hub: HubState, report: Report, progress: dict[str, Any]) -> dict[str, Any]:
    await write_findings(hub, report.findings.values())
    for finding in report.findings.values():
        _log.error("damage: %s %s at %s: %s", finding.kind, finding.subject, finding.where, finding.reason)
    return {**progress, "checked": report.checked, "damaged": progress["damaged"] + len(report.findings)}
