"""What is wrong behind a hub, in the words of whoever reads them: those who push, and whoever runs the hub."""

from __future__ import annotations

import json
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.helpers.hub import HubProcess, hub_command
from tests.helpers.minio import HOW, MinioHub, MinioProcess
from tests.helpers.program import Museui
from tests.helpers.workload import RepositoryBuilder


@pytest.fixture
def store() -> Iterator[MinioProcess]:
    """A MinIO that may be stopped, and lose its bucket."""
    if shutil.which("minio") is None:
        pytest.skip(HOW)
    with MinioProcess() as process:
        yield process


@pytest.mark.services
def test_a_store_that_is_away_or_has_lost_its_bucket(museui: Museui, tmp_path: Path, store: MinioProcess) -> None:
    with MinioHub(store.new_store()) as hub:
        builder = RepositoryBuilder(tmp_path / "song")
        builder.commit({"a": b"1"})

        def push() -> str:
            answer = museui("-C", builder.root, "push", "--remote", hub.repository(), MUSEUI_TOKEN=hub.token)
            assert answer.code == 3, answer.err
            assert "Check that the hub runs" not in answer.err and "not from a hub" not in answer.err
            return answer.err

        store.stop()
        assert "object store" in push()
        shutil.rmtree(store.data_dir / "museui-tests")
        store.start()
        said = push()
        assert "bucket" in said and "Whoever runs the hub" in said
        ready = httpx.get(f"{hub.url}/readyz", trust_env=False)
        assert ready.status_code == 503 and "store" in ready.text
        assert "no such bucket" in hub.log


def test_a_hub_without_room_is_not_ready_and_confirms_nothing(museui: Museui, tmp_path: Path) -> None:
    with HubProcess() as hub:
        builder = RepositoryBuilder(tmp_path / "song")
        builder.commit({"a": os.urandom(300_000)})
        push = ("-C", builder.root, "push", "--remote", hub.repository())
        assert httpx.get(f"{hub.url}/readyz", trust_env=False).status_code == 200
        before = resource.prlimit(hub.pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        ready = httpx.get(f"{hub.url}/readyz", trust_env=False)
        assert ready.status_code == 503 and "the store" in ready.text and "the spool" in ready.text
        assert httpx.get(f"{hub.url}/healthz", trust_env=False).status_code == 200
        assert museui(*push, MUSEUI_TOKEN=hub.token).code == 3
        resource.prlimit(hub.pid, resource.RLIMIT_FSIZE, before)
        assert httpx.get(f"{hub.url}/readyz", trust_env=False).status_code == 200
        assert museui(*push, MUSEUI_TOKEN=hub.token).code == 0
        assert json.loads(hub.command("fsck", "--json"))["ok"]


def test_a_damaged_database_is_called_damaged_with_the_way_back(museui: Museui, tmp_path: Path) -> None:
    with HubProcess() as hub:
        builder = RepositoryBuilder(tmp_path / "song")
        builder.commit({"a": b"1"})
        url, token = hub.repository(), hub.token
        assert museui("-C", builder.root, "push", "--remote", url, MUSEUI_TOKEN=token).code == 0
        hub.stop()
        path = hub.data_dir / "hub.sqlite3"
        whole = path.read_bytes()
        path.write_bytes(whole[:100] + b"\xa5" * (len(whole) - 100))
        said = [hub_command(*words, "--data", hub.data_dir, expect=3) for words in (["user", "list"], ["serve"])]
        path.write_bytes(b"no database" * 1000)
        said += [hub_command(*words, "--data", hub.data_dir, expect=3) for words in (["stats"], ["serve"])]
        for done in said:
            assert "is damaged" in done.stderr and "backup" in done.stderr, done.stderr
            assert "http" not in done.stderr, "no address of a library's page"
            assert "should not have happened" not in done.stderr
        path.write_bytes(whole)
        hub.start()
        assert json.loads(hub.command("fsck", "--json"))["ok"]
