"""What goes wrong: the hub's backups put back, its files gone or damaged, and damage in somebody's repository."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.backup import DATABASE, copy_database, remove_database

from .world import Broken, Member, World

LOCAL = ("branch", "HEAD", "tracking", "commit", "snapshot", "object")
WAYS = ("emptied", "cut", "flipped", "gone")


@dataclass(frozen=True)
class Backup:
    """Copies of the hub's database and of its store, made as the operations manual says."""

    folder: Path
    number: int
    token: str
    identity: int
    """Which of the hub's databases it is of: each adoption of the store makes another one."""
    damaged: bool


class HubFaults:
    """What happens to the hub. ``damaged``: its files are not what it wrote, and nobody has looked since."""

    def __init__(self, world: World) -> None:
        self.world, self.hub = world, world.hub
        self.backups: list[Backup] = []
        self.damaged = False
        self.identity = 0

    def back_up(self) -> None:
        """The drill of ``docs/operations.md``: the database first, the objects after it."""
        folder = self.world.checks / f"backup-{len(self.backups)}"
        folder.mkdir()
        copy_database(self.hub.data, folder / DATABASE)
        shutil.copytree(self.hub.data / "store", folder / "store")
        if (self.hub.data / "hub.toml").exists():
            shutil.copy2(self.hub.data / "hub.toml", folder)
        self.backups.append(Backup(folder, len(self.backups), self.hub.token, self.identity, self.damaged))
        self.world.say(f"hub: backup {len(self.backups) - 1} is made")

    def put_back(self, number: int, *, database: bool = True, store: bool = True) -> None:
        """Put an older copy in the place of what there is, whole or a part of it, and start the hub."""
        backup = self.backups[number % len(self.backups)]
        parts = " and ".join(name for name, wanted in (("database", database), ("store", store)) if wanted)
        self.hub.stop()
        aside = self.world.checks / "aside"
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(self.hub.data, aside)
        self.world.say(f"hub: stopped; the {parts} of backup {backup.number} put back")
        if database:
            remove_database(self.hub.data)
            shutil.copy2(backup.folder / DATABASE, self.hub.data)
        if store:
            shutil.rmtree(self.hub.data / "store")
            shutil.copytree(backup.folder / "store", self.hub.data / "store")
        self.hub.disk.sync()
        same = backup.identity == self.identity
        said = self.start()
        if said and database and (store or same):
            raise Broken(f"an older copy of the hub's own index does not start: {said}")
        if said:
            shutil.rmtree(self.hub.data)
            shutil.copytree(aside, self.hub.data)
            self.world.say("hub: everything is put back as it was")
            if said := self.start():
                raise Broken(f"the hub does not start as it was: {said}")
        elif database != store and not same:
            raise Broken("the hub started with the database of another store")
        else:
            self.damaged = backup.damaged or database != store
            if database:
                self.hub.token, self.identity = backup.token, backup.identity

    def start(self) -> str:
        """Start the hub unless it runs and will not die at some place; what it says instead."""
        if self.hub.running and not self.hub.failpoint:
            return ""
        self.hub.stop(signal.SIGKILL)
        said = self.hub.start()
        self.world.say(f"hub: {'started' if not said else f'does not start: {said.strip()[:300]}'}")
        return said

    def lose_database(self, way: str) -> None:
        """The database is gone or empty while the hub is down: it must not start, and starts with it back."""
        self.hub.stop()
        aside = self.world.checks / "aside.sqlite3"
        copy_database(self.hub.data, aside)
        remove_database(self.hub.data)
        if way == "emptied":
            (self.hub.data / DATABASE).touch()
        self.world.say(f"hub: stopped; its database is {way}")
        holds = any(path.is_file() for path in (self.hub.data / "store" / "objects").rglob("*"))
        holds = holds or any(path.is_file() for path in (self.hub.data / "store" / "bundles").rglob("*"))
        if not self.start():
            self.hub.stop()
            if holds:
                raise Broken("the hub started on a store that holds something, without its index")
        remove_database(self.hub.data)
        shutil.copy2(aside, self.hub.data / DATABASE)
        self.hub.disk.sync()
        self.world.say("hub: its database is back")
        if said := self.start():
            raise Broken(f"the hub does not start with its own index back: {said}")

    def adopt_store(self) -> None:
        """The database is gone and there is no backup of it: a new one takes in what the store has."""
        self.hub.stop()
        remove_database(self.hub.data)
        self.world.say("hub: stopped; its database is gone for good")
        answer = self.hub.command("adopt", "--json")
        if answer.code:
            raise Broken(f"the store cannot be adopted: {answer.out}{answer.err}")
        self.hub.token = answer.document["token"]
        self.identity = max(self.identity, *(backup.identity for backup in self.backups), 0) + 1
        if said := self.start():
            raise Broken(f"the hub does not start on an adopted store: {said}")

    def damage(self, which: int, way: str) -> None:
        """One stored file is not what the hub wrote."""
        store = self.hub.data / "store"
        files = in_order(path for name in ("objects", "bundles") for path in (store / name).rglob("*"))
        if files:
            path = files[which % len(files)]
            spoil(path, way)
            self.damaged = True
            self.world.say(f"hub: {path.relative_to(store)} is {way}")

    def check(self) -> None:
        """Have the hub look at all it has and put back what it can."""
        answer = self.hub.command("fsck", "--repair", "--json")
        if answer.code not in (0, 1):
            raise Broken(f"fsck --repair ended with {answer.code}")
        self.damaged = False


class LocalFaults:
    """What happens to somebody's repository, and the mending of it from what was kept aside."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.aside: dict[Path, bytes] = {}

    def damage(self, what: str, which: int, way: str) -> bool:
        """Whether there was such a file to damage."""
        muse = self.member.muse
        files = {
            "branch": (muse / "refs" / "heads").rglob("*"),
            "HEAD": [muse / "HEAD"],
            "tracking": (muse / "remotes").rglob("*"),
            "commit": (muse / "commits").glob("*.json"),
            "snapshot": (muse / "snapshots").glob("*.json"),
            "object": (muse / "objects").glob("*/*"),
        }[what]
        files = in_order(files)
        if not files:
            return False
        path = files[which % len(files)]
        self.aside.setdefault(path, path.read_bytes())
        spoil(path, way)
        self.member.world.say(f"{self.member.name}: .muse/{path.relative_to(muse)} is {way}")
        return True

    def mend(self) -> None:
        """Put back what was damaged where nobody has mended it since: a file that is whole again stays."""
        for path, content in self.aside.items():
            now = path.read_bytes() if path.exists() else b""
            if path.is_relative_to(self.member.muse / "refs") or path.name == "HEAD":
                if not now.strip() or len(now) < len(content):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
            elif not path.is_relative_to(self.member.muse / "remotes") and now != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                path.write_bytes(content)
        if self.aside:
            self.member.world.say(f"{self.member.name}: what was damaged is put back")
        self.aside.clear()


def in_order(paths: Iterable[Path]) -> list[Path]:
    """The files among them, the oldest first: names may be others in the next run of a seed."""
    return sorted((path for path in paths if path.is_file()), key=lambda path: (path.stat().st_mtime_ns, path))


def spoil(path: Path, way: str) -> None:
    """Damage a file in place, as a disk does it."""
    path.chmod(0o600)
    if way == "gone":
        path.unlink()
    elif way == "emptied":
        os.truncate(path, 0)
    elif way == "cut":
        os.truncate(path, path.stat().st_size // 2)
    else:
        content = bytearray(path.read_bytes())
        if content:
            content[len(content) // 2] ^= 0x41
            path.write_bytes(content)
