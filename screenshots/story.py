"""What the pictures are of: a hub, a daemon and some repositories, taken from one state to the next.

All of it is real: programs of their own, a line between them that can be made slow, commits, pushes, refusals.
"""

from __future__ import annotations

import copy
import random
import shutil
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from museui.local.state import State, parse_state
from screenshots.fixed import HOME, HUB, Fixed, FixedClient
from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import HubProcess
from tests.helpers.line import Line
from tests.helpers.watched import make_repository
from tests.helpers.workload import RepositoryBuilder

_FOLDERS = {"song": "music", "album": "music", "archive": "music", "loops": "work", "sketches": "work"}
_TAKES_KIB = (8, 20, 300, 20, 60, 8, 60, 300, 20, 8, 60, 20, 600, 60, 8, 20)
"""How much is new in each commit that is made while all is well."""
_LONG_KIB = 14_000
_SLOW_BYTES_PER_S = 96 << 10


class Story:
    """The programs, in a context. Each method leads from one state to the next, and returns when it is there."""

    def __init__(self) -> None:
        self.hub = HubProcess()
        self.daemon = DaemonProcess()
        self.repositories: dict[str, RepositoryBuilder] = {}
        self._dice = random.Random(2026)
        self._takes = 0

    def __enter__(self) -> Self:
        """Nothing is looked after yet."""
        with ExitStack() as stack:
            stack.callback(self.daemon.close)
            stack.enter_context(self.hub)
            self.line = stack.enter_context(Line(self.hub.port))
            self.daemon.config.parent.mkdir(parents=True)
            self.daemon.config.write_text("[daemon]\nparallel_pushes = 1\n")
            self.daemon.sign_in(self.hub, port=self.line.port)
            self.daemon.start()
            here = self.line.url.removeprefix("http://")
            self.fixed = Fixed({str(self.daemon.home): HOME, self.line.url: HUB, here: HUB.removeprefix("https://")})
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def client(self) -> FixedClient:
        """The way to the daemon."""
        return FixedClient(str(self.daemon.socket), self.fixed)

    def make_repositories(self) -> None:
        """Five, which nobody looks after; one of them is another's, and may be read."""
        token = self.hub.new_user("bob")
        for name in _FOLDERS:
            self._make(name, "bob" if name == "sketches" else "ada")
        self.daemon.museui("-C", self.repositories["sketches"].root, "push", "--no-daemon", MUSEUI_TOKEN=token)
        self.hub.command("repo", "collaborator", "add", "bob/sketches", "ada", "--access", "read")

    def become_safe(self) -> None:
        """All are looked after and on the hub, and there is a history."""
        for name in _FOLDERS:
            self.daemon.watch(self.repositories[name].root)
            self.daemon.wait_safe()
        for number, size_kib in enumerate(_TAKES_KIB):
            self._commit("album" if number % 4 == 2 else "song", size_kib)
            self.daemon.wait_safe()
        self._count()

    def be_refused(self) -> None:
        """One may not be pushed, one is paused."""
        identity = self._views()["archive"]["id"]
        self.daemon.client.post(f"repositories/{identity}/pause", {"for_s": 7200})
        self._commit("sketches", 2)
        self._wait_state("sketches", "stopped")
        self._count()

    def begin_to_push(self) -> None:
        """A long push is on its way, and a new repository waits for its turn."""
        self.line.bytes_per_s = _SLOW_BYTES_PER_S
        self._commit("song", _LONG_KIB)

        def packed(state: State) -> bool:
            return any(
                [phase.state for phase in push.phases] == ["done", "done", "running"] for push in state.pushes.values()
            )

        self.daemon.follow(packed)
        choir = self._make("choir", "ada")
        for _ in range(2):
            self._change(choir, 4)
        self.daemon.watch(choir.root)
        self.daemon.follow(lambda state: any(entry.path == str(choir.root) for entry in state.queue.values()))

    def run_into_trouble(self) -> None:
        """The push ends; then one has diverged, and one is not where it was."""
        self.line.bytes_per_s = None
        self.daemon.wait_safe(self.repositories["song"].root, self.repositories["choir"].root)
        self._diverge("album")
        self._wait_state("album", "stopped")
        loops = self.repositories["loops"].root
        loops.rename(loops.with_name("old-loops"))
        self._wait_state("loops", "missing")
        self._count()

    def lose_the_hub(self) -> None:
        """The hub goes, and two commits wait for it."""
        self.hub.stop()
        self.daemon.follow(lambda state: all(hub.reachable is False for hub in state.hubs.values()))
        for _ in range(2):
            self._commit("song", 20)
        song = str(self.repositories["song"].root)
        self.daemon.follow(lambda state: any((e.path, e.commits) == (song, 2) for e in state.queue.values()))
        self._count()

    def _make(self, name: str, owner: str) -> RepositoryBuilder:
        folder = self.daemon.home / _FOLDERS.get(name, "music")
        made = self.repositories[name] = make_repository(folder, f"{self.line.url}/{owner}/{name}", name)
        made.commit({"notes.txt": f"what {name} is about".encode()})
        return made

    def _commit(self, name: str, size_kib: int) -> None:
        self._change(self.repositories[name], size_kib)

    def _change(self, repository: RepositoryBuilder, size_kib: int) -> None:
        self._takes += 1
        repository.commit({f"takes/{self._takes}.wav": self._dice.randbytes(size_kib << 9).hex().encode()})

    def _diverge(self, name: str) -> None:
        """Commit and push on another machine, then here."""
        here = self.repositories[name]
        there = copy.copy(here)
        there.root = self.daemon.folder / "elsewhere"
        there.muse, there.heads = there.root / ".muse", dict(here.heads)
        shutil.copytree(here.root, there.root)
        self._change(there, 4)
        self.daemon.museui("-C", there.root, "push", "--no-daemon")
        self._change(here, 8)

    def _views(self) -> dict[str, dict[str, Any]]:
        return {view["name"]: view for view in self.daemon.client.get("repositories")["repositories"]}

    def _wait_state(self, name: str, word: str) -> None:
        def is_so(state: State) -> bool:
            return any((view.name, view.state) == (name, word) for view in state.repositories.values())

        self.daemon.follow(is_so)

    def _count(self) -> None:
        """Say which push and which line are the newest."""
        state = parse_state(self.daemon.client.get("state"))
        self.fixed.newest_push = max(push.id for push in state.history.values())
        self.fixed.newest_line = max(line.id for line in state.log.values())
