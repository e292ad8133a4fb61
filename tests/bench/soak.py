"""Random commits, kills of both sides and cut lines; at the end the hub holds exactly what the repositories hold.

    python tests/bench/soak.py [--minutes 60] [--repositories 10] [--seed 1]

Prints a JSON document; the exit code is 0 when every branch of every repository is on the hub, each head arrived at
most once, every object can be read there, the queue is empty and nothing is left in the spool.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import HubProcess
from tests.helpers.proxy import Proxy
from tests.helpers.watched import heads, make_repository, moves
from tests.helpers.workload import RepositoryBuilder


def main() -> int:
    """Soak, compare, report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--repositories", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice, done = random.Random(options.seed), Counter[str]()
    with (
        tempfile.TemporaryDirectory() as folder,
        HubProcess() as hub,
        DaemonProcess() as daemon,
        Proxy(hub.port) as line,
    ):
        sign_in(daemon, line.port, hub.token)
        made = [make(Path(folder), line.port, number) for number in range(options.repositories)]
        daemon.watch(*(builder.root for builder in made))
        deadline = time.monotonic() + options.minutes * 60
        while time.monotonic() < deadline:
            act = dice.choices(("commit", "daemon", "hub", "cut", "rest"), (60, 2, 2, 4, 30))[0]
            done[act] += 1
            if act == "commit":
                commit(dice, dice.choice(made))
            elif act == "daemon":
                daemon.kill()
                daemon.start()
            elif act == "hub":
                hub.kill()
                time.sleep(dice.random() * 3)
                hub.start()
            elif act == "cut":
                line.cuts.append(dice.choice((1, 2_000, 60_000)))
            else:
                time.sleep(dice.random())
        line.cuts.clear()
        daemon.museui("queue", "retry")
        daemon.wait_safe(*(builder.root for builder in made))
        problems = [problem for builder in made for problem in compare(hub, builder)]
        if daemon.client.get("queue")["queue"]:
            problems.append("the queue is not empty")
        problems += [f"left behind: {path}" for path in daemon.litter]
    print(json.dumps({"ok": not problems, "done": dict(done), "problems": problems}, indent=1))
    return 1 if problems else 0


def sign_in(daemon: DaemonProcess, port: int, token: str) -> None:
    """The token for the hub behind the proxy."""
    path = daemon.home / ".muse" / "identity.toml"
    path.parent.mkdir()
    path.write_text(f'["127.0.0.1:{port}"]\ntoken = "{token}"\n')
    path.chmod(0o600)


def make(folder: Path, port: int, number: int) -> RepositoryBuilder:
    """A repository that is pushed through the proxy, with one commit."""
    slug = f"soak-{number}"
    made = make_repository(folder, f"http://127.0.0.1:{port}/ada/{slug}", slug)
    made.commit({"name": slug.encode()})
    return made


def commit(dice: random.Random, builder: RepositoryBuilder) -> None:
    """Some files, small or large, on one of three branches."""
    size = dice.choice((100, 5_000, 200_000))
    files = {f"{number}.bin": dice.randbytes(size) for number in range(dice.randint(1, 5))}
    builder.commit(files, branch=dice.choice(("main", "side", "deep/er")))


def compare(hub: HubProcess, builder: RepositoryBuilder) -> list[str]:
    """What the hub has otherwise than the repository."""
    slug = builder.root.name
    problems = []
    if heads(hub, slug) != builder.heads:
        problems.append(f"{slug}: the hub has {heads(hub, slug)}, the repository {builder.heads}")
    arrived = moves(hub, slug)
    problems += [f"{slug}: {head} arrived {n} times" for head, n in Counter(arrived).items() if n > 1]
    with httpx.Client(base_url=hub.url, headers=hub.headers) as client:
        for path in (builder.muse / "objects").glob("*/*"):
            answer = client.get(f"/o/{path.parent.name}{path.name}")
            if answer.content != path.read_bytes():
                problems.append(f"{slug}: object {path.parent.name}{path.name} is not what it was")
    return problems


if __name__ == "__main__":
    sys.exit(main())
