"""``museui bench`` as a person runs it, on the small work: every figure is there, and nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.minio import MinioHub, MinioProcess
from tests.helpers.program import Museui

PHASES = ["negotiate", "pack", "transfer", "index", "advance_ref"]
SMALL = ("bench", "--size", "small", "--rounds", "1")


@pytest.fixture(scope="module")
def hub(minio: MinioProcess) -> Iterator[HubProcess]:
    with MinioHub(minio.new_store()) as process:
        yield process


def test_a_hub_of_its_own_is_measured_and_gone(museui: Museui, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    failed = museui(*SMALL, "--strategy", "bundle", "--strategy", "stream", TMPDIR=str(temporary))
    assert failed.code == 2 and "too large for --strategy stream" in failed.err, "600 objects are too many for a stream"
    answer = museui(*SMALL, "--strategy", "bundle", TMPDIR=str(temporary))
    assert answer.code == 0, answer.err
    assert "round 1   bundle: " in answer.err
    rows = {line.split()[0]: line.split()[1:] for line in answer.out.splitlines()[1:]}
    assert list(rows) == [*PHASES, "total", "times"]
    assert [rows[name][-1] for name in PHASES] == ["0.5", "5", "5", "10", "0.5"]
    assert list(temporary.iterdir()) == []


def test_one_put_carries_what_otherwise_takes_one_for_each_object(
    museui: Museui, hub: HubProcess, minio: MinioProcess, tmp_path: Path
) -> None:
    """Counted by MinIO itself, seen from behind a longer line."""

    def run(*options: str) -> tuple[dict[str, object], int]:
        before = minio.count_requests("PutObject")
        document = museui(
            *SMALL, "--hub", hub.url, "--rtt-ms", "2", "--json", *options, MUSEUI_TOKEN=hub.token, TMPDIR=str(temporary)
        ).document
        assert document["ok"], document
        (way,) = document["ways"]
        return way, minio.count_requests("PutObject") - before

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    way, puts = run("--strategy", "bundle")
    assert [phase["name"] for phase in way["phases"]] == PHASES  # type: ignore[attr-defined]
    stored = 1  # the hub keeps what it has read as bundles/…, and then gives every object its own key
    promoted, warm_up = 600, 1 + stored + 1
    told = range(5)  # how often the hub told its store how far it has come, which waits until nobody pushes
    assert puts - (warm_up + 1 + stored + promoted) in told
    log = hub.log
    assert "method=PUT" not in log and log.count("push/bundle/confirm repository=") == 2

    way, puts = run("--strategy", "objects", "--in-flight", "16")
    assert (way["strategy"], way["in_flight"]) == ("objects", 16)
    # All of it is stored and promoted again: what came is verified, and nobody knows of what lies there.
    assert puts - (warm_up + 600 + stored + promoted) in told
    assert way["requests"] == 1 + 1 + 600 + 1
    assert httpx.get(f"{hub.url}/repos", headers=hub.headers).json()["repositories"] == []
    assert list(temporary.iterdir()) == []


def test_a_token_that_could_not_clean_up_is_refused(museui: Museui, hub: HubProcess) -> None:
    token = hub.command("token", "create", "ada", "--scope", "write")
    answer = museui(*SMALL, "--hub", hub.url, "--json", MUSEUI_TOKEN=token)
    assert (answer.code, answer.document["error"]["code"]) == (2, "usage")
    assert "--scope admin" in answer.document["error"]["hint"]
