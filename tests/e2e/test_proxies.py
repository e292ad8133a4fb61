"""Proxies of the environment: none hears of a hub on this machine, none reads a secret, and a bad one is named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from museui.tui.login import sign_in
from tests.helpers.certificates import write_certificates
from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import ROOT, HubProcess
from tests.helpers.minio import MinioHub, MinioProcess
from tests.helpers.program import Museui
from tests.helpers.recording_proxy import RecordingProxy
from tests.helpers.watched import make_repository
from tests.helpers.workload import RepositoryBuilder


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def proxy() -> Iterator[RecordingProxy]:
    with RecordingProxy() as proxy:
        yield proxy


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1"])
def test_no_command_goes_by_a_proxy_to_a_hub_on_this_machine(
    hub: HubProcess, museui: Museui, tmp_path: Path, proxy: RecordingProxy, host: str
) -> None:
    base = hub.url.replace("127.0.0.1", host)
    builder = RepositoryBuilder(tmp_path / "song")
    builder.commit({"a": os.urandom(100_000)})
    name = f"on-{host.replace('.', '-')}"

    def run(*arguments: str | Path, folder: Path = builder.root) -> None:
        answer = museui("-C", folder, *arguments, **proxy.variables, MUSEUI_TOKEN=hub.token)
        assert answer.code == 0, (arguments, answer.out, answer.err)

    run("remote", "add", "origin", f"{base}/ada/{name}")
    for strategy in ("bundle", "objects", "stream"):
        builder.commit({"a": os.urandom(100_000)})
        run("push", "--no-daemon", "--strategy", strategy)
    run("fetch")
    run("clone", f"{base}/ada/{name}", tmp_path / "copy")
    run("pull", folder=tmp_path / "copy")
    run("keys", "generate")
    run("keys", "enrol", base)
    run("status")
    run("doctor")
    assert proxy.received == []


def test_neither_sign_in_nor_bench_nor_their_hubs_use_one(
    hub: HubProcess, museui: Museui, home: Path, tmp_path: Path, proxy: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**proxy.variables, "HOME": str(home), "PYTHONPATH": str(ROOT)}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "museui", "login", hub.url]
    done = subprocess.run(command, input=hub.token.encode(), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sign_in(hub.url, hub.token) == f"signed in to {hub.url} as ada"
    bench = ("bench", "--size", "small", "--rounds", "1", "--strategy", "bundle", "--json")
    for options in ((), ("--hub", hub.url), ("--hub", hub.url, "--rtt-ms", "1")):
        answer = museui(*bench, *options, **proxy.variables)
        assert answer.code == 0, answer.err
    assert proxy.received == []


def test_the_daemon_uses_none_for_probe_push_storage_or_doctor(
    hub: HubProcess, tmp_path: Path, proxy: RecordingProxy
) -> None:
    daemon = DaemonProcess()
    daemon.variables = proxy.variables
    with daemon, HubProcess() as gone:
        daemon.sign_in(gone)
        song = make_repository(tmp_path, gone, "watched")
        song.commit({"a": b"one"})
        daemon.watch(song.root)
        daemon.wait_safe()
        assert daemon.client.get(f"hubs/storage?base={gone.url}")["storage"]["count"] == 1
        assert all(check["ok"] for check in daemon.client.get("doctor")["checks"])
        gone.kill()
        song.commit({"a": b"two"})
        daemon.follow(lambda state: any(view.reachable is False for view in state.hubs.values()))
        gone.start()
        daemon.wait_safe()
    assert proxy.received == []


def test_neither_the_hub_nor_what_is_sent_to_its_store_goes_by_one(
    minio: MinioProcess, museui: Museui, tmp_path: Path, proxy: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in proxy.variables.items():
        monkeypatch.setenv(name, value)
    builder = RepositoryBuilder(tmp_path / "song")
    builder.commit({"a": os.urandom(100_000)})
    with MinioHub(minio.new_store()) as hub:
        options = ("--remote", hub.repository(), "--no-daemon")
        answer = museui("-C", builder.root, "push", *options, **proxy.variables, MUSEUI_TOKEN=hub.token)
        assert answer.code == 0, answer.err
        copy = museui("clone", hub.repository(), "copy", **proxy.variables, MUSEUI_TOKEN=hub.token)
        assert copy.code == 0, copy.err
    assert proxy.received == []


def test_a_hub_far_away_is_reached_by_connect_and_the_proxy_reads_nothing(
    museui: Museui, tmp_path: Path, proxy: RecordingProxy
) -> None:
    write_certificates(tmp_path)
    builder = RepositoryBuilder(tmp_path / "song")
    builder.commit({"a": b"\0secret content\0" * 1000})
    options = ["--tls-cert", str(tmp_path / "public.crt"), "--tls-key", str(tmp_path / "private.key")]
    with HubProcess(*options) as hub:
        url = f"https://hub.test:{hub.port}/ada/song"
        proxy.ways["hub.test"] = hub.port
        trust = {"MUSEUI_CA": str(tmp_path / "ca.crt"), "MUSEUI_TOKEN": hub.token}
        for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            for value in (proxy.url, proxy.url.removeprefix("http://"), f"{proxy.url}/", f" {proxy.url} "):
                before = len(proxy.received)
                answer = museui("-C", builder.root, "push", "--remote", url, **trust, **{variable: value})
                assert answer.code == 0, (variable, value, answer.err)
                assert len(proxy.received) > before
        copy = museui("clone", url, "copy", **trust, HTTPS_PROXY=proxy.url)
        assert copy.code == 0, copy.err
        refused = museui("-C", builder.root, "fetch", "--remote", "https://other.test/a1/b1", HTTPS_PROXY=proxy.url)
    assert refused.code == 3 and "other.test" in refused.err and f"the proxy 127.0.0.1:{proxy.port} of" in refused.err
    for received in proxy.received:
        assert received.startswith((b"CONNECT hub.test:", b"CONNECT other.test:"))
        assert hub.token.encode() not in received and b"Bearer" not in received and b"secret content" not in received


@pytest.mark.parametrize(
    "value",
    [
        "socks://127.0.0.1:9",
        "socks5://127.0.0.1:9",
        "socks5h://u:p4ss@127.0.0.1:9",
        "SOCKS4://127.0.0.1:9",
        "ftp://x",
        "://",
        "http://",
        "http://[::1",
        "http://a b:1",
        "http://a:99999",
        "a:0",
        "http://u:p4ss@:80",
        "xn--zzzzzz:80",
        "\N{SNOWMAN}",
        "p4ss\n",
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_and_matters_only_where_it_is_used(
    hub: HubProcess, museui: Museui, tmp_path: Path, value: str
) -> None:
    builder = RepositoryBuilder(tmp_path / "song")
    builder.commit({"a": b"1"})
    assert museui("-C", builder.root, "remote", "add", "origin", "https://hub.test/ada/song").code == 0
    for variable in ("ALL_PROXY", "https_proxy"):
        answer = museui("-C", builder.root, "push", "--json", "--no-daemon", **{variable: value}, MUSEUI_TOKEN="x")
        error = answer.document["error"]
        if value == "p4ss\n":
            assert answer.code == 3 and f"the proxy p4ss:80 of {variable}" in error["message"]
            continue
        assert answer.code == 2, error
        assert variable in error["message"] and variable in error["hint"] and "NO_PROXY" in error["hint"]
        assert "p4ss" not in answer.out + answer.err
        doctor = museui("-C", builder.root, "doctor", "--json", **{variable: value}).document
        assert any(variable in check["message"] for check in doctor["checks"] if check["name"].startswith("hub "))
        url = hub.repository(f"song-{os.urandom(4).hex()}")
        near = museui("-C", builder.root, "push", "--remote", url, **{variable: value}, MUSEUI_TOKEN=hub.token)
        assert near.code == 0, near.err
        excepted = museui("-C", builder.root, "fetch", "--json", **{variable: value}, NO_PROXY="hub.test")
        assert excepted.code == 3, "it is not there, and no proxy was asked"


@pytest.mark.parametrize(
    "value", ["[::1]", "*", " * ", "[::1", ":::", "]", "/", "1.2.3.4/99", "*.*", ",;,", "a:b:c", "\N{SNOWMAN}"]
)
def test_what_no_proxy_says_breaks_nothing(hub: HubProcess, museui: Museui, tmp_path: Path, value: str) -> None:
    builder = RepositoryBuilder(tmp_path / "song")
    builder.commit({"a": b"1"})
    url = hub.repository(f"song-{os.urandom(4).hex()}")
    variables = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": value, "MUSEUI_TOKEN": hub.token}
    assert museui("-C", builder.root, "push", "--remote", url, **variables).code == 0
    away = museui(
        "-C",
        builder.root,
        "fetch",
        "--json",
        "--remote",
        "http://hub.test/ada/song",
        HTTP_PROXY="http://127.0.0.1:9",
        NO_PROXY=value,
    )
    assert away.code == 3, away.out
