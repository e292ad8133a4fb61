"""The reference work on a real MinIO: as one bundle against one object at a time, in one run, with MinIO's own count.

    python tests/bench/one_put.py [--rounds 1] [--size reference] [--rtt-ms 0 --rtt-ms 20]

Starts a MinIO (found on PATH) and a hub on it, pushes everything once so that every object has its key, and then runs
``museui bench`` for each way and each round trip time.  Printed as JSON lines: medians by phase; how many times as long
as the bundle; how many PutObject MinIO counted (two of them are for the push that opens the lines; what the hub stores
of each push goes in parts when it is long, which are no PutObject); how many PUTs went through the hub.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.helpers.minio import MinioHub, MinioProcess  # noqa: E402

WAYS = (("bundle", 0), ("objects", 1), ("objects", 32))


def run_bench(hub: MinioHub, *options: str) -> Any:
    """The document of one ``museui bench``."""
    command = [sys.executable, "-m", "museui", "bench", "--hub", hub.url, "--json", *options]
    environment = {**os.environ, "MUSEUI_TOKEN": hub.token}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    document = json.loads(done.stdout)
    if not document["ok"]:
        raise SystemExit(done.stdout)
    return document


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--size", choices=("small", "reference"), default="reference")
    parser.add_argument("--rtt-ms", type=float, action="append", help="default: 0 and 20")
    arguments = parser.parse_args()
    with MinioProcess() as minio, MinioHub(minio.new_store()) as hub:
        size = ("--size", arguments.size)
        print(json.dumps({"work": run_bench(hub, *size, "--rounds", "1", "--strategy", "bundle")["work"]}), flush=True)
        for rtt_ms in arguments.rtt_ms or [0.0, 20.0]:
            bundle_s = 0.0
            for strategy, in_flight in WAYS:
                options = [*size, "--rounds", str(arguments.rounds), "--rtt-ms", str(rtt_ms), "--strategy", strategy]
                before = minio.count_requests("PutObject")
                (way,) = run_bench(hub, *options, *(["--in-flight", str(in_flight)] if in_flight else []))["ways"]
                bundle_s = bundle_s or way["median_seconds"]
                facts = {
                    "rtt_ms": rtt_ms,
                    "way": way["name"],
                    "seconds": way["median_seconds"],
                    "times_as_long": round(way["median_seconds"] / bundle_s, 1),
                    "phases": {phase["name"]: phase["median_seconds"] for phase in way["phases"]},
                    "put_object": minio.count_requests("PutObject") - before,
                    "puts_through_the_hub": hub.log.count("method=PUT"),
                    "load": os.getloadavg()[0],
                }
                print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
