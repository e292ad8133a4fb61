"""The daemon is killed at every named place of a push; the next one ends it: everything arrives, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
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


def are_safe(daemon: DaemonProcess) -> bool:
    try:
        views = daemon.client.get("repositories")["repositories"]
    except MuseError:
        return False
    return [view["state"] for view in views] == ["safe", "safe"]


@pytest.mark.parametrize("place", FAILPOINTS)
def test_a_daemon_killed_at_a_place_until_it_no_longer_comes_by_there_brings_everything_once(
    hub: HubProcess, tmp_path: Path, place: str
) -> None:
    song, album = (make_repository(tmp_path, hub, f"{slug}-{place.replace('.', '-')}") for slug in ("song", "album"))
    song.commit({f"{number}": b"%d of " % number + place.encode() for number in range(LARGE)})
    song.commit({"a": place.encode()}, branch="take/1")
    album.commit({"b": place.encode()})
    daemon = DaemonProcess()
    try:
        daemon.sign_in(hub)
        daemon.config.parent.mkdir(parents=True)
        daemon.config.write_text("".join(f'[[repositories]]\npath = "{made.root}"\n' for made in (song, album)))
        kills = 0
        while True:
            daemon.failpoint = f"{place}:{kills + 1}"
            daemon.start(wait=False)
            if daemon.wait(lambda: not daemon.running or are_safe(daemon), "an end") and daemon.running:
                break
            assert daemon.wait_ended() == -9
            kills += 1
        assert kills
        for made in (song, album):
            assert heads(hub, made.root.name) == made.heads
            assert sorted(moves(hub, made.root.name)) == sorted(made.heads.values())
        assert daemon.litter == []
        assert daemon.client.get("queue") == {"queue": []}
    finally:
        daemon.close()
