"""What nobody foresaw, in any part of the daemon, for any repository or hub: the rest goes on, and it begins anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from daemon.comparing import Comparing
from daemon.housekeeping import Housekeeping
from daemon.hubs.reachability import Hubs
from daemon.pushing.pusher import Pusher
from daemon.pushing.stalls import Stalls
from daemon.queue.push_queue import PushQueue
from daemon.repositories.roster import Roster
from daemon.service import Service
from daemon.snapshots.snapshots import Snapshots
from daemon.store.database import open_database
from daemon.tell.teller import Teller
from daemon.watch.watcher import Watcher
from museui.hub.probe import Probe
from museui.local.places import find_places
from museui.settings.config import Watched
from tests.helpers.hub import HubProcess, hub
from tests.helpers.watched import heads, make_repository

__all__ = ["hub"]

_PATIENCE_S = 90.0
PLACES: tuple[tuple[type, str], ...] = (
    (PushQueue, "flush"),
    (Roster, "_next"),
    (Hubs, "_due"),
    (Watcher, "_follow"),
    (Watcher, "_wait"),
    (Pusher, "_choose"),
    (Pusher, "_settle"),
    (Comparing, "_choose"),
    (Comparing, "_answered"),
    (Stalls, "look"),
    (Teller, "_find_news"),
    (Snapshots, "_keep"),
    (Housekeeping, "write_memories"),
    (Service, "_hear"),
    (Service, "_wake_all_denied"),
    (Service, "reload"),
)
"""Something that each loop calls, and what is called by the system or for a change of a file."""


class Fault(Exception):
    """What nobody foresaw."""


def fail(monkeypatch: pytest.MonkeyPatch, cls: type, name: str, when: Callable[[tuple[Any, ...]], bool]) -> None:
    """Have the method raise :class:`Fault` when its arguments are such."""
    method = getattr(cls, name)

    def failing(*arguments: Any) -> Any:
        if when(arguments):
            raise Fault(name)
        return method(*arguments)

    monkeypatch.setattr(cls, name, failing)


@asynccontextmanager
async def run_service(hub: HubProcess, home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """A daemon without its socket, in this process."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    identity = home / "home" / ".muse" / "identity.toml"
    identity.parent.mkdir(parents=True)
    identity.write_text(f'["127.0.0.1:{hub.port}"]\nname = "ada"\ntoken = "{hub.token}"\n')
    identity.chmod(0o600)
    places = find_places()
    places.config.parent.mkdir(parents=True)
    places.config.write_text("[daemon]\nsnapshot_quiet_seconds = 1\n[notify]\ndesktop = false\n")
    database, _ = await open_database(places.database)
    service = await Service.open(places, database, None)
    running = asyncio.create_task(service.run())
    try:
        yield service
        assert not running.done(), running.exception()
    finally:
        await service.close(0.0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await database.close()


async def wait(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.02)


def view(service: Service, path: Path) -> Any:
    return next(item for item in service.board.items("repositories").values() if item["path"] == str(path))


async def test_a_part_that_fails_begins_anew_and_everything_arrives(
    hub: HubProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: set[tuple[type, str]] = set()
    armed = False

    def once(place: tuple[type, str]) -> Callable[[tuple[Any, ...]], bool]:
        def due(arguments: tuple[Any, ...]) -> bool:
            if not armed or place in failed:
                return False
            failed.add(place)
            return True

        return due

    for place in PLACES:
        fail(monkeypatch, *place, once(place))
    song, fresh = make_repository(tmp_path, hub, "song"), make_repository(tmp_path, hub, "fresh")
    song.commit({"a": b"1"})
    async with run_service(hub, tmp_path / "u", monkeypatch) as service:
        await service.configure(service.config_file.put, Watched(str(song.root)))
        await wait(lambda: view(service, song.root)["state"] == "safe")
        armed = True
        head = song.commit({"a": b"2"})
        (fresh.root / "b").write_text("3")
        await service.configure(service.config_file.put, Watched(str(fresh.root), snapshot_on_change=True))
        service.hubs.probe_now()
        identity = tmp_path / "u" / "home" / ".muse" / "identity.toml"
        identity.write_text(identity.read_text() + "\n")
        config = service.places.config
        config.write_text(config.read_text() + "\n")
        for wake in (service.teller.wake, service.housekeeping.wake, service.watcher.check_folders):
            wake()
        await wait(lambda: failed == set(PLACES))
        await wait(lambda: heads(hub, "song") == {"main": head} and heads(hub, "fresh"))
        await wait(lambda: all(view(service, made.root)["state"] == "safe" for made in (song, fresh)))
        (state,) = service.board.items("daemon").values()
        assert any("Fault" in trouble["message"] for trouble in state["troubles"]), "it is told until it is long ago"


async def test_a_repository_and_a_hub_that_fail_keep_no_other_from_being_safe(
    hub: HubProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = make_repository(tmp_path, hub, "good"), make_repository(tmp_path, hub, "bad")
    far = make_repository(tmp_path, "http://127.0.0.1:9/ada/far", "far")
    for made in (good, bad, far):
        made.commit({"a": made.root.name.encode()})
    path = str(bad.root)
    fail(monkeypatch, Roster, "_offer", lambda arguments: arguments[1] == path)
    fail(monkeypatch, Comparing, "_ask_hub", lambda arguments: arguments[1] == path)
    fail(monkeypatch, Snapshots, "_watch", lambda arguments: arguments[1] == path)
    fail(monkeypatch, Teller, "_find_news_of", lambda arguments: arguments[1] == path)
    fail(monkeypatch, Probe, "ask", lambda arguments: arguments[1] == "http://127.0.0.1:9")
    async with run_service(hub, tmp_path / "u", monkeypatch) as service:
        for made in (bad, far, good):
            await service.configure(service.config_file.put, Watched(str(made.root), snapshot_on_change=made is bad))
        await wait(lambda: view(service, good.root)["state"] == "safe")
        await wait(lambda: view(service, bad.root)["state"] == "damaged")
        assert not view(service, bad.root)["safe"] and "Fault" in view(service, bad.root)["trouble"]["message"]
        head = good.commit({"a": b"2"})
        await wait(lambda: heads(hub, "good") == {"main": head})
        await wait(lambda: service.hubs.unreachable("http://127.0.0.1:9"))
        identity = tmp_path / "u" / "home" / ".muse" / "identity.toml"
        identity.write_text("[[[")
        await wait(lambda: "identity.toml" in str(service.board.items("daemon")))
        assert set(service.board.items("hubs")) == {hub.url, "http://127.0.0.1:9"}, "no hub is dropped"
        service.refresh()
        assert set(service.board.items("hubs")) == {hub.url, "http://127.0.0.1:9"}
