"""``museui hub minio-setup`` and ``museui hub serve --minio``, on the real MinIO."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hubstub.store.minio_process import RESTARTS
from hubstub.store.minio_setup import set_up_bucket
from hubstub.store.s3_settings import Credential
from museui.core.errors import Unavailable, Usage
from tests.helpers import plain_client
from tests.helpers.hub import HubProcess, hub_command
from tests.helpers.json_schema import read_schemas
from tests.helpers.minio import MinioProcess
from tests.helpers.push_client import PushClient, wait_until

pytestmark = pytest.mark.services

FILES = {"song.txt": b"la\n", "long": bytes(300_000)}


def _push(hub: HubProcess) -> httpx.Response:
    bundle, head = plain_client.make_bundle(FILES, "a song", "2026-01-01T00:00:00+00:00")
    return plain_client.push(hub.repository(), hub.token, bundle, "main", head)


def _has_all(hub: HubProcess) -> bool:
    return all(
        httpx.get(f"{hub.url}/o/{plain_client.sha(content)}", headers=hub.headers).content == content
        for content in FILES.values()
    )


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _minio_answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/minio/health/live", trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def root(minio: MinioProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[MinioProcess]:
    monkeypatch.setenv("MINIO_ROOT_USER", minio.root.access_key)
    monkeypatch.setenv("MINIO_ROOT_PASSWORD", minio.root.secret_key)
    yield minio


def test_setup_writes_what_serve_needs_and_may_be_run_again(root: MinioProcess, tmp_path: Path) -> None:
    data = tmp_path / "hub"
    where = ["--data", str(data), "--store", "s3://a-team/songs", "--s3-endpoint", root.url]
    done = hub_command("minio-setup", *where, "--json")
    config = data / "hub.toml"
    assert json.loads(done.stdout)["config"] == str(config)
    schemas = read_schemas(Path(__file__).parents[2] / "docs" / "json.md")
    assert schemas.faults(json.loads(done.stdout), "hub minio-setup") == []
    assert _mode(config) == 0o600
    text = config.read_text()
    config.write_text("# mine\n[other]\nkept = true\n\n" + text)
    assert root.root.secret_key not in text
    again = hub_command("minio-setup", "--data", data)
    assert "secret" not in again.stdout and "serve" in again.stdout
    assert config.read_text().startswith("# mine\n[other]\nkept = true\n")
    assert config.read_text().split("[store]")[1].split() == text.split("[store]")[1].split(), "the keys stay"
    with HubProcess(data_dir=data) as hub:
        assert _push(hub).status_code == 200
        assert _has_all(hub)
    assert not (data / "store").exists()
    assert (root.data_dir / "a-team" / "songs").is_dir()
    config.chmod(0o644)
    assert "chmod 600" in hub_command("serve", "--data", data, "--port", "0", expect=2).stderr


def test_setup_prints_the_policies_and_does_nothing(tmp_path: Path) -> None:
    data = tmp_path / "hub"
    done = hub_command("minio-setup", "--data", data, "--store", "s3://a-team/songs", "--print")
    policies = json.loads(done.stdout)
    assert set(policies) == {"hub", "staging", "reading"}
    (allowed,) = policies["staging"]["Statement"]
    assert allowed == {
        "Effect": "Allow",
        "Action": ["s3:PutObject"],
        "Resource": ["arn:aws:s3:::a-team/songs/staging/*"],
    }
    assert not data.exists()


def test_setup_says_what_is_missing_or_wrong(minio: MinioProcess, tmp_path: Path) -> None:
    where: list[str | Path] = ["--data", tmp_path, "--s3-endpoint", minio.url]
    assert "MINIO_ROOT_USER" in hub_command("minio-setup", *where, expect=2).stderr
    assert "--s3-endpoint" in hub_command("minio-setup", "--data", tmp_path, expect=2).stderr
    with pytest.raises(Usage, match="refused"):
        set_up_bucket(minio.url, Credential(minio.root.access_key, "wrong-password"), "a-bucket")
    with pytest.raises(Unavailable, match="does not answer"):
        set_up_bucket("http://127.0.0.1:9", minio.root, "a-bucket")
    assert not (tmp_path / "hub.toml").exists()


def test_a_hub_with_a_minio_of_its_own(minio: MinioProcess) -> None:
    del minio  # only so that this is skipped where there is no MinIO
    with HubProcess("--minio") as hub:
        keys_path = hub.data_dir / "minio-keys.json"
        keys = json.loads(keys_path.read_text())
        port = keys["port"]
        assert (_mode(keys_path), _mode(hub.data_dir / "minio")) == (0o600, 0o700)
        assert _minio_answers(port)
        assert _push(hub).status_code == 200
        assert _has_all(hub)
        assert json.loads(hub.command("fsck", "--json"))["ok"], "the commands find that MinIO by themselves"
        assert json.loads(hub.command("gc", "--json"))["ok"]
        assert hub.stop() == 0
        assert not _minio_answers(port), "it stops with the hub"
        hub.start()
        assert json.loads(keys_path.read_text()) == keys
        assert _has_all(hub)
        for key in (keys["root"][1], keys["hub"][1], keys["staging"][1]):
            assert key not in hub.log + (hub.data_dir / "minio.log").read_text()
        hub.kill()
        wait_until(lambda: not _minio_answers(port))


def _own_minio_pid(hub: HubProcess) -> int:
    """The process id of the MinIO that keeps its data in this hub's folder."""
    wanted = str(hub.data_dir / "minio").encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/minio") and wanted in words:
            return int(path.parent.name)
    raise AssertionError("no MinIO runs")


def test_a_minio_that_dies_is_started_again_where_it_was(minio: MinioProcess) -> None:
    del minio
    with HubProcess("--minio") as hub:
        assert _push(hub).status_code == 200
        keys = (hub.data_dir / "minio-keys.json").read_text()
        os.kill(_own_minio_pid(hub), signal.SIGKILL)
        hub.wait_for_log("started again")
        wait_until(lambda: _ready(hub))
        assert (hub.data_dir / "minio-keys.json").read_text() == keys
        assert _has_all(hub)
        with PushClient(hub) as client:
            client.wait_promoted()
        assert hub.stop() == 0
        assert not _minio_answers(json.loads(keys)["port"])
        words = hub_command("gc", "--data", hub.data_dir, expect=Unavailable.exit_code).stderr
        assert f"museui hub serve --minio --data {hub.data_dir}" in words
        for path in hub.data_dir.glob("hub.sqlite3*"):
            path.unlink()
        assert (
            "museui hub adopt"
            in hub_command("serve", "--minio", "--port", "0", "--data", hub.data_dir, expect=2).stderr
        )
        assert json.loads(hub.command("adopt", "--json"))["objects"] == len(FILES)


def test_a_hub_whose_minio_cannot_be_kept_running_ends_with_a_failure(minio: MinioProcess, tmp_path: Path) -> None:
    del minio
    program, stopped = tmp_path / "minio", tmp_path / "stopped"
    program.write_text(f'#!/bin/sh\n[ -e {stopped} ] && exit 7\nexec {shutil.which("minio")} "$@"\n')
    program.chmod(0o700)
    with HubProcess("--minio", environment={"PATH": f"{tmp_path}:{os.environ['PATH']}"}) as hub:
        port = json.loads((hub.data_dir / "minio-keys.json").read_text())["port"]
        stopped.touch()
        os.kill(_own_minio_pid(hub), signal.SIGKILL)
        assert hub.wait_killed() == Unavailable.exit_code
        assert hub.log.count("started again") == RESTARTS and "minio.log" in hub.log
        assert not _minio_answers(port)


def _ready(hub: HubProcess) -> bool:
    return httpx.get(f"{hub.url}/readyz").status_code == 200


def test_without_a_minio_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = hub_command("serve", "--minio", "--data", tmp_path / "hub", "--port", "0", expect=2)
    assert "go install github.com/minio/minio@" in done.stderr
    assert not os.path.lexists(tmp_path / "hub" / "minio-keys.json")
