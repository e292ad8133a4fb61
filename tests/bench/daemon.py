"""The daemon against its targets: what it costs while nothing happens, and how soon a commit is on the hub.

    python tests/bench/daemon.py [--repositories 100] [--idle-s 60] [--commits 40]

Starts a hub and a daemon on temporary folders. A commit's time runs from the rename of its branch file to the moment
the hub's answer to the push came in, which the daemon's own clock says.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import HubProcess
from tests.helpers.workload import RepositoryBuilder

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of processor a process and its threads have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mb(pid: int, name: str) -> float:
    """``VmRSS`` or ``VmHWM`` in MB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def watches(pid: int) -> int:
    """How many watches the process holds."""
    count = 0
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            count += info.read_text().count("inotify wd")
        except FileNotFoundError:
            continue
    return count


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repositories", type=int, default=100)
    parser.add_argument("--idle-s", type=float, default=60.0)
    parser.add_argument("--commits", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, HubProcess() as hub, DaemonProcess() as daemon:
        daemon.sign_in(hub)
        made = [make_repository(Path(folder), hub, f"r{number}") for number in range(options.repositories)]
        began_s = time.perf_counter()
        daemon.watch(*(builder.root for builder in made))
        daemon.wait_safe(*(builder.root for builder in made))
        report: dict[str, Any] = {"repositories": len(made), "all_safe_after_s": time.perf_counter() - began_s}
        time.sleep(5.0)
        before_s, began_s = cpu_s(daemon.pid), time.perf_counter()
        time.sleep(options.idle_s)
        report["idle_percent_of_a_core"] = 100 * (cpu_s(daemon.pid) - before_s) / (time.perf_counter() - began_s)
        report["idle_rss_mb"] = memory_mb(daemon.pid, "VmRSS")
        report["peak_rss_mb"] = memory_mb(daemon.pid, "VmHWM")
        report["watches"] = watches(daemon.pid)
        report["commit_to_hub_s"] = summarise([time_commit(daemon, made[0], n) for n in range(options.commits)])
        report["push_through_daemon_s"] = summarise([time_push(daemon, made[1], n) for n in range(10)])
        report["push_without_s"] = summarise([time_push(daemon, made[1], n, "--no-daemon") for n in range(10)])
    print(json.dumps(report, indent=1))


def make_repository(folder: Path, hub: HubProcess, name: str) -> RepositoryBuilder:
    """A repository of twenty files and one commit."""
    made = RepositoryBuilder(folder / name)
    (made.muse / "config.toml").write_text(f'[remotes.origin]\nurl = "{hub.repository(name)}"\n')
    made.commit({f"{number}.bin": b"%s %d" % (name.encode(), number) * 200 for number in range(20)})
    return made


def time_commit(daemon: DaemonProcess, builder: RepositoryBuilder, number: int) -> float:
    """A commit with three changed files, from its branch file to its branch on the hub."""
    files = {f"{name}.bin": b"0 %d" % name * 200 for name in range(20)}
    files |= {f"{name}.bin": b"take %d of %d" % (number, name) * 200 for name in range(3)}
    branch = builder.muse / "refs" / "heads" / "main"
    former = branch.read_text()
    head = builder.commit(files)
    branch.write_text(former)
    time.sleep(0.3)
    waiting = branch.with_name(".main.tmp")
    waiting.write_text(head)
    began = time.time()
    waiting.rename(branch)
    pushes = daemon.follow(lambda state: [p for p in state.history.values() if p.head == head and p.result == "done"])
    return float(pushes[0].ended_at - began)


def time_push(daemon: DaemonProcess, builder: RepositoryBuilder, number: int, *options: str) -> float:
    """``museui push`` of such a commit as a cold process, whole wall time; the daemon does not watch the repository."""
    if view := next((v for v in daemon.client.get("repositories")["repositories"] if v["name"] == "r1"), None):
        daemon.client.ask("DELETE", f"repositories/{view['id']}")
    builder.commit({f"{name}.bin": b"%d of %d%s" % (number, name, str(options).encode()) for name in range(3)})
    began_s = time.perf_counter()
    daemon.museui("push", builder.root, "--json", *options)
    return time.perf_counter() - began_s


def summarise(values: list[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


if __name__ == "__main__":
    main()
