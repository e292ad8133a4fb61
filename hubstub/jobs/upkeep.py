"""``objects.gc`` and ``objects.scrub``: what ``museui hub gc`` and ``fsck`` do, by itself, a slice at a time.

Between slices promotions have their turn, and after a kill the next slice is the one that was under way.
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from museui.core.failpoints import failpoint

from ..index.job_queue import Job
from ..log import log_facts
from ..maintenance.check import check_hub
from ..maintenance.collect import collect_garbage
from ..maintenance.findings import Part, Report, forget_mended, write_findings
from ..maintenance.share import find_objection, settle
from ..maintenance.steps import Cursor
from ..maintenance.tally import GcOptions, Tally
from ..state import HubState
from .schedule import end_work, make_way, read_progress

SLICE_S = 10.0
_LOOK = "look "
"""Prefix of the names of stages while a collection counts what it would take."""
_log = logging.getLogger("hubstub.jobs")


async def run_gc(hub: HubState, job: Job) -> None:
    """One slice of a collection with the hub's own grace period.

    It looks first, from end to end; what a person must decide about it only marks, so that their grace begins.
    """
    progress = await read_progress(hub, job)
    if progress is None or "objection" not in progress:  # it begins, or was begun by a version that did not look first
        progress = {"cursor": None, "tally": Tally().to_progress(), "objection": ""}
    tally, objection = Tally.from_json(progress["tally"]), str(progress["objection"])
    start, looking = None, True
    if progress["cursor"]:
        place = Cursor(**progress["cursor"])
        looking = place.stage.startswith(_LOOK)
        start = Cursor(place.stage.removeprefix(_LOOK), place.after)
    until = time.monotonic() + SLICE_S
    while True:
        grace_s = math.inf if objection else hub.settings.gc_grace_s
        async with aclosing(collect_garbage(hub, GcOptions(not looking, grace_s), tally, start)) as steps:
            async for cursor in steps:
                if time.monotonic() >= until:
                    place = Cursor(_LOOK + cursor.stage, cursor.after) if looking else cursor
                    kept = {"tally": tally.to_progress(), "objection": objection}
                    await make_way(hub, job, {"cursor": asdict(place), **kept})
                    failpoint("jobs.made_way")
                    return
                await hub.desk.wait_quiet()
        if not looking:
            break
        found = await find_objection(hub, tally)
        objection = f"{found.reason}. {found.advice}" if found else ""
        tally, looking, start = Tally(), False, None
    await settle(hub, tally)
    await end_work(hub, job, {**tally.to_json(), "objection": objection})
    if objection:
        _log.error("collected nothing: %s", objection)
    else:
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
