"""Random commits among every fault there is; at the end the hub holds exactly what the repositories hold.

    python tests/bench/soak.py --minutes 60 --repositories 10 --seed 1

Goes in rounds; in each, every fault comes once, in another order: both sides killed, also at named places of a push,
the line cut, slow or standing still, a token revoked and renewed, repositories paused and resumed, new branches, the
hub restored from an older backup, its index gone and back, its index gone for good and the store adopted, the disk of
either side full, the power of both cut.

A full disk and a cut of the power are disks of their own (an ext4 image on a loop device, or a tmpfs), which only root
can have; where the system does not allow it, a sentence on stderr says so, and those faults are left out.

Prints a JSON document; the exit code is 0 when every branch of every repository is on the hub, each head arrived at
most once, every object can be read there and the hub finds no fault with what it has, nothing waits for a person, the
queue is empty and nothing is left in the spool.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import hubstub.push
from museui.sync.push import FAILPOINTS
from tests.helpers.backup import DATABASE, copy_database, remove_database
from tests.helpers.daemon import DaemonProcess
from tests.helpers.disk import Disk
from tests.helpers.hub import HubProcess
from tests.helpers.line import Line
from tests.helpers.watched import heads, make_repository, moves
from tests.helpers.workload import RepositoryBuilder

STALL_S = 2
DISK_MIB = 1024


class Soak:
    """A hub, a daemon, the line between them, and repositories that are written to."""

    def __init__(
        self,
        folder: Path,
        disks: tuple[Disk, Disk],
        hub: HubProcess,
        daemon: DaemonProcess,
        line: Line,
        dice: random.Random,
        repositories: int,
    ) -> None:
        """``folder`` is for repositories and backups; the ``disks`` are the hub's and the daemon's."""
        self.folder, self.disks = folder, disks
        self.hub, self.daemon, self.line, self.dice = hub, daemon, line, dice
        self.done = Counter[str]()
        self.paused: list[str] = []
        self.problems: list[str] = []
        """What was wrong on the way."""
        daemon.sign_in(hub, port=line.port)
        daemon.config.parent.mkdir(parents=True)
        daemon.config.write_text(f"[daemon]\nstall_seconds = {STALL_S}\n")
        daemon.client.post("reload")
        self.made = [make_repository(folder, f"{line.url}/ada/soak-{n}", f"soak-{n}") for n in range(repositories)]
        for builder in self.made:
            builder.commit({"name": builder.root.name.encode()})
        daemon.watch(*(builder.root for builder in self.made))

    def go_round(self) -> None:
        """Every fault once, and commits before and after each."""
        faults = list(self.faults)
        self.dice.shuffle(faults)
        for fault in faults:
            for _ in range(self.dice.randint(0, 4)):
                self.commit()
            time.sleep(self.dice.random())
            self.faults[fault]()
            self.done[fault] += 1
            self.commit()
            self.line.delay_s, self.line.bytes_per_s = 0.0, None

    @property
    def faults(self) -> dict[str, Callable[[], object]]:
        """What goes wrong, by name."""
        kinds = {disk.kind for disk in self.disks}
        full = {"hub's disk full": self.fill_hub, "daemon's disk full": self.fill_daemon}
        return {
            **(full if "folder" not in kinds else {}),
            **({"power cut": self.cut_power} if kinds == {"image"} else {}),
            "hub restored older": self.restore_hub,
            "hub's index gone and back": self.lose_index,
            "hub's index gone, store adopted": self.adopt_store,
            "daemon killed": self.kill_daemon,
            "daemon killed in a push": self.kill_daemon_in_push,
            "daemon stopped and started": self.daemon.restart,
            "hub killed": self.kill_hub,
            "hub killed in a push": self.kill_hub_in_push,
            "line cut": lambda: self.line.cut(self.dice.choice((1, 2_000, 60_000))),
            "line slow": self.slow_line,
            "line still": self.hold_line,
            "token revoked and renewed": self.renew_token,
            "paused for a while": lambda: self.pause(for_s=self.dice.uniform(0.5, 5.0)),
            "paused": self.pause,
            "resumed": self.resume,
            "new branch": self.branch,
        }

    def commit(self, branch: str = "", parents: list[str] | None = None) -> None:
        """Some files, small or large, on one of three branches or on this one."""
        self.done["commit"] += 1
        size = self.dice.choice((100, 5_000, 100_000))
        files = {f"{number}.bin": self.dice.randbytes(size) for number in range(self.dice.randint(1, 5))}
        builder = self.dice.choice(self.made)
        builder.commit(files, branch=branch or self.dice.choice(("main", "side", "deep/er")), parents=parents)

    def commit_many(self) -> None:
        """So many files that the push is a bundle."""
        files = {f"{number}": self.dice.randbytes(20) for number in range(600)}
        self.dice.choice(self.made).commit(files, branch="many")

    def branch(self) -> None:
        """A branch there was not, without history or beginning where another one is."""
        name = f"take/{self.done['new branch']}"
        builder = self.dice.choice(self.made)
        parents = self.dice.choice(([], [self.dice.choice(list(builder.heads.values()))]))
        builder.commit({"a": name.encode()}, branch=name, parents=parents)

    def kill_daemon(self) -> None:
        """At any moment."""
        self.daemon.kill()
        self.daemon.start()

    def kill_daemon_in_push(self) -> None:
        """At a named place, if it comes by there."""
        self.resume()
        self.daemon.stop()
        self.daemon.failpoint = self.dice.choice(FAILPOINTS)
        self.daemon.start(wait=False)
        self.commit_many()
        self.done["daemon reached its place"] += wait_until(lambda: not self.daemon.running)
        self.daemon.failpoint = ""
        self.kill_daemon()

    def kill_hub(self, away_s: float = 2.0) -> None:
        """At any moment; it is away for a while."""
        self.hub.kill()
        self.hub.failpoint = ""
        time.sleep(self.dice.uniform(0.0, away_s))
        self.hub.start()

    def kill_hub_in_push(self) -> None:
        """At a named place, if it comes by there."""
        self.resume()
        self.hub.restart(failpoint=self.dice.choice(hubstub.push.FAILPOINTS))
        self.commit_many()
        self.done["hub reached its place"] += wait_until(lambda: not self.hub.running)
        self.kill_hub(0.0)

    def restore_hub(self) -> None:
        """What ``docs/operations.md`` tells to copy is copied; some pushes later it takes the place of the hub."""
        backup = self.folder / "backup"
        shutil.rmtree(backup, ignore_errors=True)
        backup.mkdir()
        copy_database(self.hub.data_dir, backup / DATABASE)
        shutil.copytree(self.hub.data_dir / "store", backup / "store")
        for _ in range(self.dice.randint(1, 4)):
            self.commit()
        time.sleep(self.dice.uniform(0.0, 2.0))
        self.hub.stop()
        remove_database(self.hub.data_dir)
        shutil.rmtree(self.hub.data_dir / "store")
        shutil.copytree(backup / "store", self.hub.data_dir / "store")
        shutil.copy2(backup / DATABASE, self.hub.data_dir)
        self.disks[0].sync()
        self.hub.start()
        self.token_is_known()

    def lose_index(self) -> None:
        """The index is gone while the hub is down: it does not start, until the index is back."""
        self.hub.stop()
        aside = self.folder / "aside.sqlite3"
        copy_database(self.hub.data_dir, aside)
        remove_database(self.hub.data_dir)
        try:
            self.hub.start()
        except AssertionError:
            self.done["hub refused to start without its index"] += 1
        else:
            self.problems.append("the hub started without its index")
            self.hub.stop()
        remove_database(self.hub.data_dir)
        shutil.copy2(aside, self.hub.data_dir / DATABASE)
        self.disks[0].sync()
        self.hub.start()

    def adopt_store(self) -> None:
        """There is no backup of the index: a new one takes in what the store has, and pushes bring the rest."""
        self.hub.stop()
        remove_database(self.hub.data_dir)
        self.hub.command("adopt", "--owner", self.hub.owner)
        self.hub.start()
        self.token_is_known()

    def fill_hub(self) -> None:
        """The hub has no room for a while."""
        self.fill(self.disks[0])

    def fill_daemon(self) -> None:
        """The daemon has no room for a while: not for its queue, not for what it packs."""
        self.fill(self.disks[1])

    def fill(self, disk: Disk) -> None:
        """A disk is full, or next to it, while there is much to be pushed."""
        disk.fill(self.dice.choice((0, 4096, 65536)))
        self.commit_many()
        time.sleep(self.dice.uniform(0.5, 2.0))
        disk.free()

    def cut_power(self) -> None:
        """Hub and daemon lose in one moment what they had not made durable."""
        self.commit()
        time.sleep(self.dice.random())
        self.hub.kill()
        self.daemon.kill()
        for disk in self.disks:
            disk.cut_power()
        self.hub.start()
        self.daemon.start()

    def token_is_known(self) -> None:
        """An older index may know an older token alone: a new one is made and signed in with."""
        self.hub.token = self.hub.command("token", "create", self.hub.owner)
        self.daemon.sign_in(self.hub, port=self.line.port)

    def slow_line(self) -> None:
        """Everything takes a while, and little passes, for some seconds."""
        self.line.delay_s, self.line.bytes_per_s = self.dice.uniform(0.01, 0.2), 300_000.0
        self.commit()
        time.sleep(self.dice.uniform(0.5, 3.0))

    def hold_line(self) -> None:
        """Nothing passes and nobody is told; mostly for longer than the daemon looks on."""
        self.line.hold(self.dice.choice((0, 5_000, 50_000)))
        self.commit()
        time.sleep(self.dice.uniform(0.5, 2.0) * STALL_S)
        self.line.release()

    def renew_token(self) -> None:
        """The daemon's token is worth nothing for a while."""
        fresh = self.hub.command("token", "create", self.hub.owner)
        self.hub.command("token", "revoke", self.hub.token.split("_")[1])
        self.hub.token = fresh
        self.commit()
        time.sleep(self.dice.random())
        self.daemon.sign_in(self.hub, port=self.line.port)

    def pause(self, **how: float) -> None:
        """One repository, until it is resumed or for a while."""
        repository = self.dice.choice(self.daemon.client.get("repositories")["repositories"])
        self.daemon.client.post(f"repositories/{repository['id']}/pause", dict(how))
        if not how:
            self.paused.append(repository["id"])

    def resume(self) -> None:
        """All that are paused."""
        for repository_id in self.paused:
            self.daemon.client.post(f"repositories/{repository_id}/resume")
        self.paused.clear()

    def end(self) -> list[str]:
        """No more faults: what is wrong once everything has had time to arrive."""
        self.resume()
        if not wait_until(lambda: not self.stopped(), 30.0):
            return [f"{e['path']} {e['branch']} waits for a person: {e['error']}" for e in self.stopped()]
        self.daemon.museui("queue", "retry")
        self.daemon.wait_safe(*(builder.root for builder in self.made))
        problems = self.problems + [problem for builder in self.made for problem in self.compare(builder)]
        if self.daemon.client.get("queue")["queue"]:
            problems.append("the queue is not empty")
        problems += [f"left behind: {path}" for path in self.daemon.litter]
        self.hub.command("fsck")
        return problems

    def stopped(self) -> list[dict[str, object]]:
        """What waits for a person."""
        return [entry for entry in self.daemon.client.get("queue")["queue"] if entry["state"] == "stopped"]

    def compare(self, builder: RepositoryBuilder) -> list[str]:
        """What the hub has otherwise than the repository."""
        slug = builder.root.name
        there, arrived = heads(self.hub, slug), moves(self.hub, slug)
        problems = [] if there == builder.heads else [f"{slug}: the hub has {there}, the repository {builder.heads}"]
        problems += [f"{slug}: {head} arrived {n} times" for head, n in Counter(arrived).items() if n > 1]
        with httpx.Client(base_url=self.hub.url, headers=self.hub.headers) as client:
            for path in (builder.muse / "objects").glob("*/*"):
                self.done["object compared"] += 1
                if client.get(f"/o/{path.parent.name}{path.name}").content != path.read_bytes():
                    problems.append(f"{slug}: object {path.parent.name}{path.name} is not what it was")
        self.done["push"] += len(arrived)
        return problems


def wait_until(condition: Callable[[], bool], patience_s: float = 5.0) -> bool:
    """Whether it came true."""
    deadline = time.monotonic() + patience_s
    while not (true := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return true


def main() -> int:
    """Soak, compare, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, metavar="M", help="0 is one round  [default: 60]")
    parser.add_argument("--repositories", type=int, default=10, metavar="N", help="how many  [default: 10]")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the dice  [default: 1]")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Disk(Path(folder, "hub-disk"), mib=DISK_MIB)) as hub_disk,
        closing(Disk(Path(tempfile.mkdtemp(prefix="md-")), mib=DISK_MIB)) as daemon_disk,
        HubProcess(data_dir=hub_disk.path / "hub") as hub,
        DaemonProcess(folder=daemon_disk.path) as daemon,
        Line(hub.port) as line,
    ):
        if hub_disk.why_not:
            print(hub_disk.why_not, file=sys.stderr)
        disks = (hub_disk, daemon_disk)
        soak = Soak(Path(folder), disks, hub, daemon, line, random.Random(options.seed), options.repositories)
        began_s, rounds = time.monotonic(), 0
        while rounds == 0 or time.monotonic() - began_s < options.minutes * 60:
            soak.go_round()
            rounds += 1
        minutes = round((time.monotonic() - began_s) / 60, 1)
        problems = soak.end()
        if problems:
            print(daemon.log, hub.log, sep="\n", file=sys.stderr)
    facts = {"minutes": minutes, "rounds": rounds, "done": dict(sorted(soak.done.items())), "problems": problems}
    print(json.dumps({"ok": not problems, **facts}, indent=1))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
