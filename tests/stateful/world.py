"""Two people with a daemon each, a hub, and the disks that all of it lies on: real processes, real files.

Each part has a disk of its own (:mod:`tests.helpers.disk`): ext4 whose power can be cut, a tmpfs that can be full, or,
where nothing can be mounted, a folder. Then a full disk is played by a bound on the size of files (``RLIMIT_FSIZE``)
for single commands, and no power is cut.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from itertools import count
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

import httpx

from museui.core.errors import MuseError
from museui.local.client import LocalClient
from tests.helpers.disk import Disk
from tests.helpers.forks import Answer, ForkedProcess, Forks

from .model import Commit, read_heads, read_history, read_objects, sha

PEOPLE = ("a", "b")
SLUG = "song"
PATIENCE_S = 30.0


class Broken(AssertionError):
    """A promise that was not held."""


class Ground:
    """What worlds share, one after the other: the process that forks, and the disks."""

    def __init__(self) -> None:
        with ExitStack() as made:
            self.folder = Path(made.enter_context(tempfile.TemporaryDirectory(prefix="ms-")))
            self.disks = {name: made.enter_context(closing(Disk(self.folder / name))) for name in (*PEOPLE, "hub")}
            self.forks = made.enter_context(Forks())
            self._made = made.pop_all()
        self.spare = self.folder / "spare"
        self.spare.mkdir()

    def close(self) -> None:
        """Nothing is left."""
        self._made.close()


class Member:
    """One person's home folder, work folder and daemon."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.disk = world.ground.disks[name]
        self.home = self.disk.path / "home"
        self.root = self.disk.path / SLUG
        (self.home / ".muse").mkdir(parents=True)
        (self.disk.path / "run").mkdir(mode=0o700)
        self.client = LocalClient(str(self.disk.path / "run" / "museui" / "daemon.sock"))
        self.daemon: ForkedProcess | None = None
        self.attic: list[Path] = []
        """Folders they no longer work in."""

    @property
    def muse(self) -> Path:
        """The ``.muse`` of their repository."""
        return self.root / ".muse"

    def environment(self, failpoint: str = "") -> dict[str, str]:
        """What their programs find everything by."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "USER": self.name,
            "XDG_RUNTIME_DIR": str(self.disk.path / "run"),
            "TMPDIR": str(self.disk.path),
            "MUSEUI_FAILPOINT": failpoint,
            "MUSEUI_DEBUG": "",
        }

    def settle_in(self) -> None:
        """Write the configuration that makes the daemon quick."""
        config = self.home / ".config" / "museui" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text("[daemon]\nsnapshot_quiet_seconds = 1\nstall_seconds = 2\n")
        self.disk.sync()

    @property
    def _identity(self) -> tuple[Path, str]:
        hub = self.world.hub
        text = f'["127.0.0.1:{hub.port}"]\nname = "ada"\ntoken = "{hub.token}"\n'
        return self.home / ".muse" / "identity.toml", text

    @property
    def is_signed_in(self) -> bool:
        """Whether programs find the token that the hub takes."""
        path, text = self._identity
        return path.exists() and path.read_text() == text

    def sign_in(self) -> None:
        """Put the hub's token where programs look for it."""
        path, text = self._identity
        path.write_text(text)
        path.chmod(0o600)
        sync(path)

    def museui(
        self, *arguments: str, failpoint: str = "", after_s: float | None = None, cwd: Path | None = None
    ) -> Answer:
        """Run the command line; ``after_s``: it is killed then, unless it has ended."""
        bound = 2048 if self.disk.full and self.disk.kind == "folder" else None
        return self.world.run(
            "museui", arguments, self.environment(failpoint), cwd or self.root, self.name, after_s, bound
        )

    def start_daemon(self, failpoint: str = "") -> bool:
        """Whether it answers; one that did not start has said why in its log."""
        if self.daemon is not None and self.daemon.poll() is None:
            return True
        log = self.world.logs / f"daemon-{self.name}"
        self.daemon = self.world.forks.start("daemon", [], self.environment(failpoint), log, log, cwd=self.home)
        return self.world.wait(lambda: self.answers() or not self.daemon_runs()) and self.daemon_runs()

    def daemon_runs(self) -> bool:
        """Whether the process is there."""
        return self.daemon is not None and self.daemon.poll() is None

    def answers(self) -> bool:
        """Whether the daemon does."""
        with suppress(MuseError):
            self.client.get("version")
            return True
        return False

    def stop_daemon(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, if it runs."""
        if self.daemon is not None:
            self.daemon.end(number)
            self.daemon = None

    def view(self) -> dict[str, Any] | None:
        """What the daemon says of the repository; ``None`` without a daemon, or when it does not look after it."""
        with suppress(MuseError):
            views = self.client.get("repositories")["repositories"]
            return next((view for view in views if view["path"] == str(self.root)), None)
        return None

    def is_unsafe(self) -> bool:
        """Whether the daemon looks after the repository and does not call it safe."""
        view = self.view()
        return view is None or not view["safe"]

    def settle(self, since: float) -> dict[str, Any] | None:
        """The daemon's view once nothing is under way, what it says of the branches is what lies on disk, and it has
        asked the hub, or tried to, ``since`` then."""
        settled: list[dict[str, Any] | None] = [None]

        def quiet() -> bool:
            if not self.daemon_runs():
                return True
            settled[0] = view = self.view()
            if view is None:
                return self.answers()
            if view["state"] in ("looking", "pushing"):
                return False
            queue = [entry for entry in self.client.get("queue")["queue"] if entry["path"] == str(self.root)]
            if any(
                entry["state"] == "pushing" or (entry["state"] == "waiting" and not entry["tries"]) for entry in queue
            ):
                return view["paused"] is True
            if view["state"] not in ("safe", "behind"):
                return True
            heads = read_heads(self.muse)
            return all(
                heads.get(branch["branch"]) == branch["head"] and branch.get("seen_at", since) >= since
                for branch in view["branches"]
            )

        self.world.wait(quiet, 10.0)
        return settled[0]

    def objects(self) -> set[str]:
        """Contents that lie whole in one of their repositories."""
        return {found for root in (self.root, *self.attic) for found in read_objects(root / ".muse")}


class Hub:
    """The hub's folder and process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.disk = world.ground.disks["hub"]
        self.data = self.disk.path / "hub"
        self.process: ForkedProcess | None = None
        self.port = 0
        self.token = ""
        self.failpoint = ""
        self.options: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The repository's."""
        return f"http://127.0.0.1:{self.port}/ada/{SLUG}"

    def start(self, failpoint: str = "") -> str:
        """Start it and return nothing, or what it said instead of starting."""
        assert self.process is None
        self.failpoint = failpoint
        out, err = self.world.files()
        arguments = ["serve", "--json", "--data", str(self.data), "--port", str(self.port), "--owner", "ada"]
        arguments += ["--look-every", "1s", "--scrub-every", "off", *self.options]
        self.process = self.world.forks.start("hubstub", arguments, self._environment(failpoint), out, err)
        self.world.wait(lambda: out.read_text().endswith("\n") or not self.running)
        said = json.loads(out.read_text() or "{}")
        if "url" not in said:
            self.process.wait(PATIENCE_S)
            self.process = None
            return out.read_text() + err.read_text()
        self.port = int(said["url"].rpartition(":")[2])
        self.token = said["token"] or self.token
        return ""

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, if it runs."""
        if self.process is not None:
            self.process.end(number)
            self.process = None

    def command(self, *arguments: str, failpoint: str = "") -> Answer:
        """Run one of its own commands."""
        order = (*arguments, "--data", str(self.data))
        return self.world.run("hubstub", order, self._environment(failpoint), self.disk.path, "hub", None, None)

    def get(self, path: str) -> httpx.Response | None:
        """What the repository answers, JSON or bytes; ``None`` from a hub that does not answer."""
        with suppress(httpx.HTTPError):
            headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
            return self.world.http.get(f"{self.url}/{path}", headers=headers)
        return None

    def heads(self) -> dict[str, str] | None:
        """Its branches; ``None`` when it does not say, none for a repository it does not have."""
        answer = self.get("refs")
        if answer is None or answer.status_code not in (200, 404):
            return None
        heads = answer.json().get("branch_heads", {}) if answer.status_code == 200 else {}
        return {name: head.removeprefix("sha256:") for name, head in heads.items()}

    def has_object(self, content: str) -> bool | None:
        """Whether it gives this content back; ``None`` when it does not answer."""
        with suppress(httpx.HTTPError):
            headers = {"Authorization": f"Bearer {self.token}"}
            answer = self.world.http.get(f"http://127.0.0.1:{self.port}/o/{content}", headers=headers)
            return answer.status_code == 200 and sha(answer.content) == content
        return None

    def _environment(self, failpoint: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.disk.path),
            "USER": "ada",
            "TMPDIR": str(self.disk.path),
            "MUSEUI_FAILPOINT": failpoint,
        }


class World:
    """All of it. ``story`` has what was done and said, line by line."""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.forks = ground, ground.forks
        for disk in ground.disks.values():
            disk.clear()
        shutil.rmtree(ground.spare)
        ground.spare.mkdir()
        self.logs = ground.folder / "logs"
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir()
        self.story: list[str] = []
        self.http = httpx.Client(timeout=PATIENCE_S, trust_env=False)
        self._numbers = count()
        self.hub = Hub(self)
        self.members = {name: Member(self, name) for name in PEOPLE}
        self.checks = ground.spare

    def close(self) -> None:
        """End every process."""
        for member in self.members.values():
            member.stop_daemon(signal.SIGKILL)
        self.hub.stop(signal.SIGKILL)
        self.http.close()

    def files(self) -> tuple[Path, Path]:
        """Two fresh files for what a program says."""
        number = next(self._numbers)
        out, err = self.logs / f"{number}.out", self.logs / f"{number}.err"
        out.touch()
        err.touch()
        return out, err

    def say(self, line: str) -> None:
        """Put a line into the story."""
        self.story.append(line)

    def run(
        self,
        program: str,
        arguments: tuple[str, ...],
        environment: dict[str, str],
        cwd: Path,
        who: str,
        after_s: float | None,
        bound: int | None,
    ) -> Answer:
        """Run a program to its end, and put the command and what it said into the story."""
        out, err = self.files()
        process = self.forks.start(program, arguments, environment, out, err, cwd=cwd, largest_file=bound)
        try:
            code = process.wait(PATIENCE_S if after_s is None else after_s)
        except TimeoutExpired:
            code = process.end(signal.SIGKILL)
            if after_s is None:
                raise Broken(f"{program} {' '.join(arguments)} took longer than {PATIENCE_S} s") from None
        answer = Answer(code, out.read_text(errors="replace"), err.read_text(errors="replace"))
        point = environment["MUSEUI_FAILPOINT"]
        shown = {"museui": "museui", "hubstub": "museui hub"}[program]
        line = f"{who}$ {f'MUSEUI_FAILPOINT={point} ' if point else ''}{shown} {' '.join(arguments)}"
        self.say(f"{line}\n    → {code} {_short(answer)}")
        if "Traceback" in answer.err or "should not have happened" in answer.out + answer.err:
            raise Broken(f"an error that nobody foresaw: {answer.err or answer.out}")
        return answer

    def wait(self, condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
        """Whether it came true."""
        deadline = time.monotonic() + patience_s
        while not (true := condition()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return true

    def given_back(self) -> dict[str, Commit]:
        """The commits that the hub gives a stranger's fresh folder, each with all its contents, byte for byte."""
        folder = self.checks / f"clone-{next(self._numbers)}"
        member = self.members[PEOPLE[0]]
        environment = {**member.environment(), "XDG_RUNTIME_DIR": str(self.checks), "TMPDIR": str(self.checks)}
        order = ("clone", "--json", self.hub.url, str(folder))
        answer = self.run("museui", order, environment, self.checks, "anybody", None, None)
        if answer.code:
            return {}
        muse = folder / ".muse"
        objects = read_objects(muse)
        heads = [*read_heads(muse, "remotes/origin").values(), *read_heads(muse).values()]
        found = {commit.id: commit for commit in read_history(muse, heads)}
        shutil.rmtree(folder)
        return {key: commit for key, commit in found.items() if objects.issuperset(commit.manifest.values())}


def sync(path: Path) -> None:
    """Make it durable, as a person's editor does with what it wrote."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _short(answer: Answer) -> str:
    text = (answer.out.strip() or answer.err.strip()).replace("\n", " | ")
    return text if len(text) < 400 else text[:400] + " …"
