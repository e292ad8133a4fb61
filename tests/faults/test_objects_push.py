"""A push one object at a time whose line breaks, or whose URLs expire: it goes on, and sends nothing twice in vain."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from museui.hub.client import HubClient
from museui.hub.retry import RetryPolicy
from museui.hub.url import parse_repository_url
from museui.repo.repository import Repository
from museui.sync.push import Push
from museui.sync.push_outcome import PushOutcome
from museui.sync.push_request import Environment, PushRequest
from museui.sync.throttle import NO_LIMIT, SpeedLimit
from tests.helpers.hub import HubProcess
from tests.helpers.line import Line
from tests.helpers.watched import heads
from tests.helpers.workload import RepositoryBuilder

TTL_S = 1
OBJECT_BYTES = 1 << 20


async def push_objects(
    builder: RepositoryBuilder,
    url: str,
    token: str,
    spool: Path,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    limit: SpeedLimit = NO_LIMIT,
) -> PushOutcome:
    """Push ``main``, one object after the other."""
    environment = Environment(spool, retry=RetryPolicy(base_s=0.01), sleep=sleep, limit=limit)
    async with HubClient(parse_repository_url(f"{url}/ada/song"), token) as client:
        request = PushRequest("main", Repository.open(builder.root).branches()["main"], strategy="objects", in_flight=1)
        return await Push(Repository.open(builder.root), client, request, environment).run()


def make_song(folder: Path, size_bytes: int) -> RepositoryBuilder:
    """One commit of four files."""
    dice = random.Random(4)
    builder = RepositoryBuilder(folder / "song")
    builder.commit({f"{number}.bin": dice.randbytes(size_bytes) for number in range(4)})
    return builder


def count_puts(hub: HubProcess, status: str) -> int:
    return sum("method=PUT" in line and f"status={status}" in line for line in hub.log.splitlines())


async def test_urls_that_expire_on_the_way_are_asked_for_again_and_what_arrived_is_not_sent_again(
    tmp_path: Path,
) -> None:
    builder = make_song(tmp_path, 100)
    waits: list[float] = []

    async def sleep_until_expired(delay_s: float) -> None:
        """The second object's turn comes when the URLs of the first presign have expired; from then on at once."""
        waits.append(delay_s)
        deadline = time.time() + TTL_S + 1.1
        while len(waits) == 1 and time.time() < deadline:
            await asyncio.sleep(0.1)

    with HubProcess("--upload-ttl", str(TTL_S)) as hub:
        result = await push_objects(
            builder, hub.url, hub.token, tmp_path / "spool", sleep_until_expired, SpeedLimit(1.0)
        )
        assert heads(hub, "song") == builder.heads
        transfer = result.ended["transfer"].detail
        assert (transfer["objects_sent"], transfer["objects_present"]) == (4, 0)
        assert (count_puts(hub, "200"), count_puts(hub, "410")) == (4, 1)


async def test_a_put_that_is_cut_is_sent_again_and_no_other(tmp_path: Path) -> None:
    builder = make_song(tmp_path, OBJECT_BYTES)
    with HubProcess() as hub, Line(hub.port) as line:
        line.cut(after_bytes=2 * OBJECT_BYTES + OBJECT_BYTES // 2)
        result = await push_objects(builder, line.url, hub.token, tmp_path / "spool")
        assert heads(hub, "song") == builder.heads
        assert line.cuts == 1
        transfer = result.ended["transfer"].detail
        assert (transfer["objects_sent"], transfer["bytes"]) == (4, 4 * OBJECT_BYTES)
        assert count_puts(hub, "200") == 4
        assert line.passed_bytes < 5 * OBJECT_BYTES
