"""``gc`` and ``fsck`` without a process of their own: in this one, beside a hub that runs or does not."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from hubstub.cli.opened import with_hub
from hubstub.maintenance.check import check_hub
from hubstub.maintenance.collect import collect_garbage
from hubstub.maintenance.findings import Finding, Part, Report
from hubstub.maintenance.repair import repair
from hubstub.maintenance.tally import GcOptions, Tally
from hubstub.state import HubState
from tests.helpers.hub import HubProcess
from tests.helpers.minio import MinioHub

DAY_S = 86400.0


def _store_of(hub: HubProcess) -> Mapping[str, Any]:
    if not isinstance(hub, MinioHub):
        return {}
    place = hub.place
    keys = {
        "access_key": place.credential.access_key,
        "secret_key": place.credential.secret_key,
        "staging_access_key": place.staging.access_key,
        "staging_secret_key": place.staging.secret_key,
    }
    return {"url": f"s3://{place.bucket}/{place.prefix}", "endpoint": place.endpoint, **keys}


def with_state(hub: HubProcess, work: Callable[[HubState], Awaitable[None]]) -> None:
    """Do ``work`` on the parts of a hub, in this process."""
    with_hub(hub.data_dir, _store_of(hub), work)


def collect(hub: HubProcess, grace_s: float = 14 * DAY_S, *, apply: bool = True) -> dict[str, Any]:
    """What ``gc`` does and says."""
    tally = Tally()

    async def work(state: HubState) -> None:
        async for _ in collect_garbage(state, GcOptions(apply, grace_s), tally):
            pass

    with_state(hub, work)
    return tally.to_json()


def take_leftovers(hub: HubProcess) -> None:
    """Collect the files that no row names: one collection marks them, and another takes them an hour later."""
    collect(hub, 0.0)
    change_index(hub, "UPDATE garbage SET since = since - 3601 WHERE kind IN ('bundle', 'file', 'staged')")
    collect(hub, 0.0)


def check(hub: HubProcess, part: Part | None = None) -> Report:
    """What ``fsck`` finds."""
    report = Report()

    async def work(state: HubState) -> None:
        async for _ in check_hub(state, part or Part(), report):
            pass

    with_state(hub, work)
    return report


def check_and_repair(hub: HubProcess) -> dict[str, str]:
    """What ``fsck --repair`` mends, and how."""
    report = check(hub)
    done: dict[str, str] = {}

    async def work(state: HubState) -> None:
        done.update(await repair(state, report))

    with_state(hub, work)
    return done


def found(report: Report) -> set[tuple[str, str]]:
    """Kind and subject of each finding."""
    assert all(isinstance(item, Finding) and item.reason and item.advice for item in report.findings.values())
    return set(report.findings)


def change_index(hub: HubProcess, statement: str, *values: Any) -> int:
    """Run one statement on the database of a hub that may be running; how many rows it changed."""
    with closing(sqlite3.connect(hub.data_dir / "hub.sqlite3", timeout=30)) as connection, connection:
        return connection.execute(statement, values).rowcount


def own_file(hub: HubProcess, object_id: str) -> Path:
    """Where an object lies in the embedded store once it is promoted."""
    digits = object_id.removeprefix("sha256:")
    return hub.data_dir / "store/objects" / digits[:2] / digits[2:]


def key(item: str) -> bytes:
    """An id as the tables have it."""
    return bytes.fromhex(item.removeprefix("sha256:"))
