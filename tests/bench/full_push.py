"""The full push of the reference work beside ``git push``, measured in one run.

    python tests/bench/full_push.py [--rounds 5] [--work DIR] [--times 10]

Each round pushes the whole history, as new processes against fresh repositories, once with ``git push`` over
``git://`` from loose objects and once with ``museui push --json`` to a hub on embedded parts (cold client, running
hub).  Printed: seconds of each round, medians and the ratio; the hub's confirm (read, verify, store, index, advance);
peak resident memory of client and hub.  Before the first round a push that sends nothing has Python write the bytecode
that an installed program comes with.  ``--times N`` adds one push of a history N times as long, for the memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from museui.bench.reference_work import Size
from tests.bench.reference_work import write_reference_work

MIB = 1 << 20
_RSS_UNIT = 1024 if sys.platform == "linux" else 1


def run_child(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, float, str]:
    """Seconds, peak MiB and stdout of a command. Raises SystemExit when it fails."""
    began_s = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as child:
        assert child.stdout and child.stderr
        out = child.stdout.read()
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began_s
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{out.decode()}{said.decode()}")
    return seconds, usage.ru_maxrss * _RSS_UNIT / MIB, out.decode()


@contextmanager
def git_daemon(folder: Path) -> Iterator[str]:
    """A git daemon that takes pushes to repositories below ``folder``; its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    git_exec = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
    daemon = subprocess.Popen(
        [
            f"{git_exec}/git-daemon",
            "--listen=127.0.0.1",
            f"--port={port}",
            "--export-all",
            "--enable=receive-pack",
            f"--base-path={folder}",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"git://127.0.0.1:{port}"
    finally:
        daemon.terminate()
        daemon.wait()


class Hub:
    """A hub process on embedded parts."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "hubstub", "serve", "--data", str(data), "--port", "0", "--owner", "ada"]
        self.process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout
        ready = json.loads(self.process.stdout.readline())
        self.url, self.token = ready["url"], ready["token"]

    def stop(self) -> float:
        """End it; its peak resident MiB."""
        self.process.terminate()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss * _RSS_UNIT / MIB


def wait_for_promotion(hub: Hub, slug: str, push_id: str, environment: dict[str, str]) -> None:
    """Until the hub's background job is done, so that a round does not pay for the one before."""
    import httpx

    headers = {"Authorization": f"Bearer {hub.token}", "Accept": "application/json"}
    with httpx.Client(headers=headers) as client:
        while client.get(f"{hub.url}/ada/{slug}/pushes/{push_id}").json().get("promotion") == "pending":
            time.sleep(0.1)


def push_command(repository: Path, hub: Hub, slug: str, *options: str) -> list[str]:
    """The command line of a push to the hub's repository ``slug``."""
    command = [sys.executable, "-m", "museui", "push", str(repository), "--remote", f"{hub.url}/ada/{slug}"]
    return [*command, "--json", *options]


def museui_push(repository: Path, hub: Hub, slug: str, environment: dict[str, str]) -> tuple[float, float, Any]:
    """One cold ``museui push``: seconds, peak MiB, its document."""
    command = push_command(repository, hub, slug, "--strategy", "bundle")
    seconds, peak, out = run_child(command, {**environment, "MUSEUI_TOKEN": hub.token})
    document = json.loads(out)
    if not document["ok"]:
        raise SystemExit(out)
    wait_for_promotion(hub, slug, document["push_id"], environment)
    return seconds, peak, document


def git_push(work: Path, target: Path, base: str, number: int) -> float:
    """One ``git push`` of everything to a new, bare repository: seconds."""
    name = f"r{number}.git"
    subprocess.run(["git", "init", "-q", "--bare", str(target / name)], check=True)
    seconds, _, _ = run_child(["git", "-C", str(work / "git"), "push", "-q", f"{base}/{name}", "main"])
    shutil.rmtree(target / name)
    return seconds


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, help="a folder that reference_work.py filled (default: a temporary one)")
    parser.add_argument("--times", type=int, default=0, help="also push a history this many times as long")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="museui-bench-") as name:
        folder = Path(name)
        work = arguments.work or folder / "work"
        if not arguments.work:
            print(json.dumps({"work": write_reference_work(work, Size(), True)}), flush=True)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        environment = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
        (folder / "bare").mkdir()
        hub = Hub(folder / "hub")
        git_s: list[float] = []
        museui_s: list[float] = []
        documents: list[Any] = []
        client_mib = 0.0
        try:
            with git_daemon(folder / "bare") as base:
                run_child(
                    push_command(work / "muse", hub, "dry", "--dry-run"), {**environment, "MUSEUI_TOKEN": hub.token}
                )
                for number in range(arguments.rounds):
                    git_s.append(git_push(work, folder / "bare", base, number))
                    seconds, peak, document = museui_push(work / "muse", hub, f"r{number}", environment)
                    museui_s.append(seconds)
                    documents.append(document)
                    client_mib = max(client_mib, peak)
                    phases = {phase["name"]: round(phase["seconds"], 3) for phase in document["phases"]}
                    print(f"round {number}: git {git_s[-1]:.2f} s, museui {seconds:.2f} s {phases}", flush=True)
        finally:
            hub_mib = hub.stop()
        report(git_s, museui_s, documents, client_mib, hub_mib)
        if arguments.times:
            report_longer(folder, arguments.times, environment)


def report(git_s: list[float], museui_s: list[float], documents: list[Any], client_mib: float, hub_mib: float) -> None:
    """Print the medians and the ratio."""
    confirm_s = [sum(p["seconds"] for p in d["phases"] if p["name"] in ("index", "advance_ref")) for d in documents]
    details = [next(p["detail"] for p in d["phases"] if p["name"] == "index") for d in documents]
    git, museui = statistics.median(git_s), statistics.median(museui_s)
    print(
        json.dumps(
            {
                "git_push_s": round(git, 3),
                "museui_push_s": round(museui, 3),
                "museui_push_phases_total_s": round(statistics.median(d["total_seconds"] for d in documents), 3),
                "ratio": round(museui / git, 3),
                "confirm_s": round(statistics.median(confirm_s), 3),
                "confirm_detail": details[len(details) // 2],
                "raw_bytes": documents[0]["raw_bytes"],
                "wire_bytes": documents[0]["wire_bytes"],
                "client_peak_mib": round(client_mib),
                "hub_peak_mib": round(hub_mib),
                "own_peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT / MIB),
            },
            indent=1,
        )
    )


def report_longer(folder: Path, times: int, environment: dict[str, str]) -> None:
    """Push a longer history once and print its time and memory."""
    size = Size(commits=Size.commits * times, objects=Size.objects * times, content_bytes=Size.content_bytes * times)
    work = write_reference_work(folder / "longer", size, False)
    hub = Hub(folder / "hub-longer")
    try:
        seconds, peak, document = museui_push(folder / "longer/muse", hub, "longer", environment)
    finally:
        hub_mib = hub.stop()
    phases = {phase["name"]: round(phase["seconds"], 2) for phase in document["phases"]}
    facts = {"times": times, **work, "museui_push_s": round(seconds, 2), "phases": phases}
    print(json.dumps({**facts, "client_peak_mib": round(peak), "hub_peak_mib": round(hub_mib)}, indent=1))


if __name__ == "__main__":
    main()
