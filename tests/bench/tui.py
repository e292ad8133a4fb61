"""The terminal interface against its targets: first paint, keys, processor and memory.

    python tests/bench/tui.py [--repositories 500] [--history 10000] [--rounds 5] [--idle-s 60] [--push-mib 16]

The real program on a pseudo-terminal of 120 × 36, a real daemon and a real hub on temporary folders, so that what is
measured has the daemon's own pace in it: the hub it asks every second while somebody looks, the push that moves twenty
times a second. The repositories are real and safe; the history is written into the daemon's database, since 10,000
pushes would take an hour.

A time runs from the start of the process, or from the moment a key is written to the terminal, to the end of the frame
that has the answer. ``first_frame_s`` is the first frame there is, ``all_there_s`` the one with repositories and
verdict. ``textual_s`` is ``python -c "import textual.app"`` in the same run, for scale: on the machine of the targets
it is 0.275 s. ``cpu_ms`` is the processor time of the program for one key, or for the start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from daemon.history.rows import write_push
from daemon.store.database import open_database
from tests.bench.daemon import cpu_s, make_repository, memory_mb
from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import HubProcess
from tests.helpers.pty_terminal import PtyTerminal
from tests.helpers.views import FORBIDDEN, push
from tests.helpers.workload import RepositoryBuilder

PROGRAM = (sys.executable, "-m", "museui")
UP, DOWN, LEFT, PAGE_DOWN, HOME, END = b"\x1b[A", b"\x1b[B", b"\x1b[D", b"\x1b[6~", b"\x1b[H", b"\x1b[F"
ENTER, ESCAPE, BACKSPACE = b"\r", b"\x1b", b"\x7f"
UPLOAD_LIMIT = "1 MiB/s"


class Keys:
    """Presses keys and keeps, by kind, how long each took and what it cost."""

    def __init__(self, terminal: PtyTerminal) -> None:
        self._terminal = terminal
        self._took_s: dict[str, list[float]] = {}
        self._cost_s: dict[str, list[float]] = {}

    def press(self, kind: str, keys: bytes, *answer: str) -> None:
        """Press it and wait for a frame with ``answer``."""
        before_s = cpu_s(self._terminal.pid)
        self._terminal.press(keys)
        began_s = time.perf_counter()
        self._took_s.setdefault(kind, []).append(self._terminal.until_painted(*answer) - began_s)
        self._cost_s.setdefault(kind, []).append(cpu_s(self._terminal.pid) - before_s)

    def report(self) -> dict[str, Any]:
        """By kind: how many, median and 95th percentile in milliseconds, mean processor time."""
        every = [took_s for kind in self._took_s.values() for took_s in kind]
        kinds = {**self._took_s, "all": every}
        costs = {**self._cost_s, "all": [cost_s for kind in self._cost_s.values() for cost_s in kind]}
        return {kind: _figures(took_s) | {"cpu_ms": _mean_ms(costs[kind])} for kind, took_s in kinds.items()}


def _figures(took_s: list[float]) -> dict[str, float]:
    ordered = sorted(took_s)
    p95_s = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {"n": len(ordered), "median_ms": _ms(statistics.median(ordered)), "p95_ms": _ms(p95_s)}


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)


def _mean_ms(seconds: list[float]) -> float:
    return _ms(sum(seconds) / len(seconds))


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repositories", type=int, default=500)
    parser.add_argument("--history", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle-s", type=float, default=60.0)
    parser.add_argument("--push-mib", type=int, default=16)
    options = parser.parse_args()
    report: dict[str, Any] = {"repositories": options.repositories, "history": options.history}
    report["textual_s"] = round(statistics.median(time_textual() for _ in range(options.rounds)), 3)
    report["empty_home"] = [time_empty_home() for _ in range(options.rounds)]
    with tempfile.TemporaryDirectory(prefix="museui-bench-") as folder, HubProcess() as hub:
        daemon = DaemonProcess()
        try:
            daemon.sign_in(hub)
            made = [make_safe(Path(folder), hub, number) for number in range(options.repositories)]
            write_config(daemon.config, made)
            asyncio.run(write_history(daemon.data / "daemon.db", made, options.history))
            daemon.start()
            daemon.wait(lambda: all_safe(daemon), "safety")
            report["start"] = [time_start(daemon.environment, len(made)) for _ in range(options.rounds)]
            with PtyTerminal(PROGRAM, daemon.environment) as terminal:
                terminal.until_painted(f"all {len(made)} safe", "take-000")
                report |= measure_use(terminal, daemon, made[0], options)
        finally:
            daemon.close()
    print(json.dumps(report, indent=1))


def measure_use(
    terminal: PtyTerminal, daemon: DaemonProcess, first: RepositoryBuilder, options: argparse.Namespace
) -> dict[str, Any]:
    """Keys, processor and memory of a program that stays open."""
    keys = Keys(terminal)
    use_dashboard(keys)
    load = use_history(keys, terminal, options.history)
    found: dict[str, Any] = {"keys": keys.report(), "history_loads": load}
    rest(terminal, 3.0)
    idle = measure_cpu(terminal, lambda: rest(terminal, options.idle_s))
    report = found | {"idle": idle}
    if options.push_mib:
        report["push"] = measure_cpu(terminal, lambda: follow_push(terminal, daemon, first, options.push_mib))
    return report | {name: round(memory_mb(terminal.pid, key), 1) for name, key in _MEMORY.items()}


_MEMORY = {"rss_mb": "VmRSS", "peak_rss_mb": "VmHWM"}


def time_textual() -> float:
    """Seconds that the interpreter and the library take."""
    began_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
    return time.perf_counter() - began_s


def time_empty_home() -> dict[str, float]:
    """First paint where nothing is set up; the program starts a daemon, which is ended."""
    daemon = DaemonProcess()
    try:
        with PtyTerminal(PROGRAM, daemon.environment) as terminal:
            return time_paint(terminal, "Welcome to MuseUI")
    finally:
        daemon.museui("daemon", "stop", expect=None)
        daemon.close()


def time_start(environment: Mapping[str, str], repositories: int) -> dict[str, float]:
    """First paint where the daemon runs."""
    with PtyTerminal(PROGRAM, environment) as terminal:
        return time_paint(terminal, f"all {repositories} safe", "take-000")


def time_paint(terminal: PtyTerminal, *content: str) -> dict[str, float]:
    """Seconds to the first frame and to the one that has ``content``."""
    first_s = terminal.until_painted() - terminal.began_s
    there_s = terminal.until_painted(*content) - terminal.began_s
    figures = {"first_frame_s": round(first_s, 3), "all_there_s": round(there_s, 3)}
    return figures | {"cpu_ms": _ms(cpu_s(terminal.pid))}


def make_safe(folder: Path, hub: HubProcess, number: int) -> RepositoryBuilder:
    """A repository that was pushed, as far as it knows."""
    made = make_repository(folder, hub, f"take-{number:03}")
    tracked = made.muse / "remotes" / "origin" / "main"
    tracked.parent.mkdir(parents=True)
    tracked.write_text(made.heads["main"])
    return made


def all_safe(daemon: DaemonProcess) -> bool:
    """Whether every repository was looked at and is safe."""
    time.sleep(0.2)
    return all(view["safe"] for view in daemon.client.get("repositories")["repositories"])


def write_config(path: Path, repositories: list[RepositoryBuilder]) -> None:
    """Have the daemon look after all of them, and send slowly."""
    path.parent.mkdir(parents=True)
    tables = [f'[[repositories]]\npath = "{made.root}"\n' for made in repositories]
    path.write_text("\n".join([f'[daemon]\nupload_limit = "{UPLOAD_LIMIT}"\n', *tables]))


async def write_history(path: Path, repositories: list[RepositoryBuilder], count: int) -> None:
    """Write pushes into the daemon's database: of every repository in turn, some failed; the rest are copies."""
    database, _ = await open_database(path)
    await database.read("PRAGMA synchronous = OFF")
    times = {"started_at": time.time() - 3601, "ended_at": time.time() - 3600}
    for number, made in enumerate(repositories[count - 1 :: -1], 1):
        result, error = ("failed", FORBIDDEN) if number % 50 == 1 else ("done", None)
        await write_push(database, push(number, made.root.name, result, error=error, path=str(made.root), **times))
    async with database.write() as connection:
        for table, key in (("pushes", "id"), ("phases", "push")):
            names = [row["name"] for row in await connection.execute_fetchall(f"PRAGMA table_info({table})")]
            for more in range(len(repositories), count, len(repositories)):
                copied = ", ".join(f"{name} + {more}" if name == key else name for name in names)
                await connection.execute(
                    f"INSERT INTO {table} SELECT {copied} FROM {table} WHERE {key} <= ?",
                    (min(len(repositories), count - more),),
                )
    await database.close()


def use_dashboard(keys: Keys) -> None:
    """Arrows, pages, panels, the filter."""
    for number in range(1, 41):
        keys.press("arrow", DOWN, f"take-{number:03}   main")
    for number in range(39, 29, -1):
        keys.press("arrow", UP, f"take-{number:03}   main")
    for _ in range(10):
        keys.press("page", PAGE_DOWN, "   main → origin")
    keys.press("home and end", HOME, "take-000   main")
    keys.press("home and end", END, "   main → origin")
    keys.press("home and end", HOME, "take-000   main")
    for _ in range(5):
        for panel in b"3451":
            keys.press("panel", bytes([panel]))
    for _ in range(5):
        keys.press("filter opens", b"/")
        for character in b"take-":
            keys.press("filter, nothing goes", bytes([character]))
        for typed in ("1", "12", "123"):
            keys.press("filter", typed[-1:].encode(), f"take-{typed:0<3}")
        for _ in range(8):
            keys.press("filter back", BACKSPACE)
        keys.press("filter closes", ESCAPE)
        keys.press("home and end", HOME, "take-000   main")


def use_history(keys: Keys, terminal: PtyTerminal, count: int) -> dict[str, float]:
    """The whole history: opened, walked through, filtered, a push opened; how long it took to be there whole."""
    keys.press("history opens", b"H", "pushes", "main")
    began_s = time.perf_counter()
    for _ in range(5):
        keys.press("arrow while history loads", DOWN, "main")
    terminal.until_painted(f"{count:,} pushes  ")
    took = {"seconds": round(time.perf_counter() - began_s, 2)}
    for _ in range(40):
        keys.press("history arrow", DOWN, "main")
    for _ in range(10):
        keys.press("history page", PAGE_DOWN, "main")
    keys.press("history home and end", END, "main")
    keys.press("history home and end", HOME, "main")
    keys.press("filter opens", b"/")
    for _ in range(5):
        for character in b"take-":
            keys.press("history filter, nothing goes", bytes([character]))
        for digit in "123":
            keys.press("history filter", digit.encode(), " pushes  ")
        for _ in range(8):
            keys.press("history filter back", BACKSPACE)
    keys.press("filter closes", ESCAPE, f"{count:,} pushes  ")
    for _ in range(5):
        keys.press("detail opens", ENTER, "What was sent")
        keys.press("detail closes", ESCAPE, f"{count:,} pushes  ")
    keys.press("history closes", ESCAPE, "Repositories")
    return took


def measure_cpu(terminal: PtyTerminal, work: Callable[[], int]) -> dict[str, float]:
    """What the program takes of a core while ``work`` goes on, which gives the number of frames painted."""
    before_s, began_s = cpu_s(terminal.pid), time.perf_counter()
    frames, took_s = work(), time.perf_counter() - began_s
    percent = 100 * (cpu_s(terminal.pid) - before_s) / took_s
    return {
        "seconds": round(took_s, 1),
        "percent_of_a_core": round(percent, 2),
        "frames_per_s": round(frames / took_s, 1),
    }


def rest(terminal: PtyTerminal, seconds: float) -> int:
    """Look on for a while; the number of frames."""
    deadline_s = time.perf_counter() + seconds
    terminal.painted = b""
    while (left_s := deadline_s - time.perf_counter()) > 0:
        terminal.read(left_s)
    return terminal.frames


def follow_push(terminal: PtyTerminal, daemon: DaemonProcess, made: RepositoryBuilder, mib: int) -> int:
    """Commit so many MiB that do not compress, and look on until they are on the hub; the number of frames."""
    import random

    terminal.painted = b""
    head = made.commit({"take.wav": random.Random(1).randbytes(mib << 20)})
    terminal.until_painted("◐ 1 pushing")
    while daemon.client.get("queue")["queue"]:
        terminal.read(0.5)
    last = daemon.client.get("pushes?limit=1")["pushes"][0]
    assert (last["head"], last["result"]) == (head, "done"), last
    return terminal.frames


if __name__ == "__main__":
    main()
