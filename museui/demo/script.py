"""What happens in the demo, round after round: pushes, a conflict, and a hub that is gone for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

from museui.core.errors import MuseError
from museui.hub.client import HubClient
from museui.hub.url import RepositoryUrl
from museui.repo.config import Remote
from museui.repo.repository import Repository

from ..local.client import LocalClient
from ..local.hub_process import HubProcess
from .song import Song

FIRST, OTHERS = "song", ("album", "duet", "sketches", "archive")
_PAUSED = "archive"
_COMMITS = {"song": 60, "album": 24, "duet": 12, "sketches": 8, "archive": 16}
_RECORDING_BYTES = 3 << 20
_ROUNDS = 50
"""After these it rests: each costs disk space."""


class Script:
    """``wait`` waits for so many seconds; ``say`` tells those who look on what happens, in a few words."""

    def __init__(
        self, folder: Path, hub: HubProcess, wait: Callable[[float], None], say: Callable[[str], None]
    ) -> None:
        self._folder, self._hub, self._wait, self._say = folder, hub, wait, say
        self._songs: dict[str, Song] = {}
        self._ids: dict[str, str] = {}

    def prepare(self, *names: str) -> None:
        """Make these repositories, with a history each."""
        for name in names:
            repository = Repository.init(self._folder / "music" / name, "midi")
            repository.set_remote(Remote("origin", str(self._url(name)), "main"))
            self._songs[name] = Song(repository, len(self._songs))
            self._songs[name].write(_COMMITS[name])

    def watch(self, *names: str) -> None:
        """Have the daemon look after these."""
        for name in names:
            root = self._songs[name].repository.root
            self._ids[name] = LocalClient().post("repositories", {"path": str(root)})["repository"]["id"]

    def play(self, pace_s: float) -> None:
        """Go round, ``pace_s`` between two things that happen; what fails is said, and the next round begins."""
        for number in range(_ROUNDS):
            try:
                for said, paces in self._round(first=number == 0):
                    self._say(said)
                    self._wait(paces * pace_s)
            except MuseError as exc:
                self._say(exc.message)
                self._wait(pace_s)
        self._say("it rests now, everything is on the hub")
        while True:
            self._wait(3600.0)

    def _round(self, first: bool) -> Iterator[tuple[str, int]]:
        song, album, duet, sketches = (self._songs[name] for name in ("song", "album", "duet", "sketches"))
        self._hub.start()
        song.write(1)
        yield "a commit in song: the daemon pushes it by itself", 1
        album.write(1)
        yield "a commit in album", 1
        for _ in range(4):
            song.write(1)
        yield "four commits in song, faster than they can be pushed", 1
        sketches.record(_RECORDING_BYTES)
        yield "a recording in sketches, at 1 MiB/s", 2
        elsewhere = asyncio.run(self._change_elsewhere(duet))
        duet.write(1)
        yield "duet was changed here and elsewhere: enter says more", 6
        asyncio.run(self._fetch(duet))
        duet.merge(elsewhere)
        yield "the two were merged: duet is safe again", 2
        if first:
            LocalClient().post(f"repositories/{self._ids[_PAUSED]}/pause")
            yield f"{_PAUSED} is paused until space is pressed there", 1
        self._hub.stop()
        song.write(2)
        yield "the hub is stopped: commits wait", 1
        album.write(1)
        sketches.write(1)
        yield "the hub is still gone, the daemon asks again and again", 4
        self._hub.start()
        yield "the hub is back: what waited is pushed", 3

    def _url(self, name: str) -> RepositoryUrl:
        return RepositoryUrl(self._hub.url, self._hub.owner, name)

    async def _fetch(self, song: Song) -> None:
        from museui.sync.fetch import fetch

        async with HubClient(self._url(song.repository.root.name), self._hub.token) as client:
            await fetch(song.repository, client, "origin")

    async def _change_elsewhere(self, song: Song) -> Song:
        """Push a commit from another place, as the same person at another machine would."""
        from museui.sync.push import Push
        from museui.sync.push_request import Environment, PushRequest

        name = song.repository.root.name
        place = self._folder / "elsewhere" / name
        if place.exists():
            repository = Repository.open(place)
        else:
            repository = Repository.init(place, song.repository.domain, repo_id=song.repository.repo_id)
        other = song.copy(repository)
        await self._fetch(other)
        other.write(1)
        async with HubClient(self._url(name), self._hub.token) as client:
            request = PushRequest(branch="main", head=other.head)
            await Push(repository, client, request, Environment(kept_bundles=self._folder / "spool")).run()
        return other
