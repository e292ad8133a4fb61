"""The daemon is killed at every named place of a push; the next one ends it: everything arrives, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from museui.core.errors import MuseError
from museui.sync.push import FAILPOINTS
from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import HubProcess
from tests.helpers.watched import heads, make_repository, moves

LARGE = 600
"""Objects: more than a hub takes as one streamed request, so that the push is a bundle."""


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


def is_safe(daemon: DaemonProcess) -> bool:
    try:
        views = daemon.client.get("repositories")["repositories"]
    except MuseError:
        return False
    return [view["state"] for view in views] == ["safe"]


@pytest.mark.parametrize("place", FAILPOINTS)
def test_what_a_killed_daemon_was_pushing_arrives_after_its_next_start(
    hub: HubProcess, tmp_path: Path, place: str
) -> None:
    slug = place.replace(".", "-")
    song = make_repository(tmp_path, hub, slug)
    head = song.commit({f"{number}": b"%d of " % number + slug.encode() for number in range(LARGE)})
    daemon = DaemonProcess(failpoint=place)
    try:
        daemon.sign_in(hub)
        daemon.start()
        with suppress(MuseError):
            daemon.watch(song.root)
        kills = 0
        while daemon.wait(lambda: not daemon.running or is_safe(daemon), "an end") and not daemon.running:
            assert daemon.wait_ended() == -9
            assert moves(hub, slug) == ([head] if place == "push.confirmed" else [])
            kills += 1
            daemon.failpoint = ""
            daemon.start(wait=False)
        assert kills
        daemon.wait_safe()
        assert heads(hub, slug) == {"main": head}
        assert moves(hub, slug) == [head]
        assert daemon.litter == []
        assert daemon.client.get("queue") == {"queue": []}
    finally:
        daemon.close()
