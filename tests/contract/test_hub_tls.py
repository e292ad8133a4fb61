"""A hub that speaks TLS itself: who trusts it, which HTTP it speaks, and what becomes of clients that say nothing."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.helpers.certificates import write_certificates
from tests.helpers.daemon import DaemonProcess
from tests.helpers.hub import ROOT, HubProcess, hub_command
from tests.helpers.watched import make_repository


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    write_certificates(made)
    return made


@pytest.fixture(scope="module")
def hub(folder: Path) -> Iterator[HubProcess]:
    with HubProcess(*_options(folder), "--header-timeout", "1") as process:
        yield process


def _options(folder: Path) -> list[str]:
    return ["--tls-cert", str(folder / "public.crt"), "--tls-key", str(folder / "private.key")]


def _trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "ca.crt"))


def test_it_is_reached_over_tls_and_not_without(hub: HubProcess, folder: Path) -> None:
    assert hub.url.startswith("https://127.0.0.1:")
    answer = httpx.get(hub.url + "/readyz", verify=_trusting(folder), trust_env=False)
    assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")
    with pytest.raises(httpx.ConnectError, match="certificate"):
        httpx.get(hub.url + "/readyz", trust_env=False)
    with pytest.raises(httpx.TransportError):
        httpx.get(hub.url.replace("https", "http") + "/readyz", trust_env=False)


def test_http_2_is_spoken_where_it_was_asked_for_and_http_1_1_as_well(folder: Path) -> None:
    with HubProcess(*_options(folder), "--http2") as hub:
        for http2, version in ((True, "HTTP/2"), (False, "HTTP/1.1")):
            with httpx.Client(http2=http2, verify=_trusting(folder), trust_env=False) as client:
                answer = client.get(hub.url + "/ada/none/refs", headers=hub.headers)
                assert (answer.status_code, answer.http_version) == (404, version)


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
def test_whoever_says_nothing_or_half_a_head_is_cut_off(hub: HubProcess, folder: Path, sent: bytes) -> None:
    with (
        socket.create_connection(("127.0.0.1", hub.port), timeout=60) as plain,
        _trusting(folder).wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(sent)
        while connection.recv(1000):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which connections were never answered")
@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"])
def test_whoever_does_not_get_through_the_handshake_is_cut_off_and_nobody_else(
    hub: HubProcess, folder: Path, sent: bytes
) -> None:
    name = 'museui_hub_slow_clients_total{what="handshake"}'
    with (
        httpx.Client(base_url=hub.url, verify=_trusting(folder), trust_env=False) as other,
        socket.create_connection(("127.0.0.1", hub.port), timeout=60) as plain,
    ):
        before = _read_metric(other, name)
        plain.sendall(sent)
        assert plain.recv(1000) == b""
        assert _read_metric(other, name) == before + 1


def _read_metric(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_a_push_goes_over_tls_when_the_authority_is_trusted(hub: HubProcess, folder: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "MUSEUI_TOKEN": hub.token}

    def museui(*arguments: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "museui", "-C", str(tmp_path / "song"), *arguments],
            cwd=ROOT,
            env={**environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    (tmp_path / "song").mkdir()
    museui("init")
    (tmp_path / "song" / "verse.txt").write_text("la la la")
    museui("snapshot", "-m", "first")
    museui("remote", "add", "origin", hub.repository())
    failed = museui("push", "--no-daemon", "--json", code=3)
    error = json.loads(failed.stdout)["error"]
    assert error["code"] == "unreachable" and "certificate" in error["message"] and "MUSEUI_CA" in error["hint"]
    done = museui("push", "--no-daemon", "--json", SSL_CERT_FILE=str(folder / "ca.crt"))
    assert json.loads(done.stdout)["ok"] is True
    assert json.loads(museui("fetch", "--json", MUSEUI_CA=str(folder / "ca.crt")).stdout)["ok"] is True
    for wrong in (folder / "nosuch", folder / "private.key", folder):
        failed = museui("fetch", "--json", code=2, MUSEUI_CA=str(wrong))
        assert str(wrong) in json.loads(failed.stdout)["error"]["message"]


def test_an_authority_named_for_a_hub_is_trusted_there_by_command_line_and_daemon(
    hub: HubProcess, folder: Path, tmp_path: Path
) -> None:
    daemon = DaemonProcess()
    daemon.config.parent.mkdir(parents=True)
    daemon.config.write_text(f'[hubs."127.0.0.1:{hub.port}"]\nca = "{folder / "ca.crt"}"\n')
    with daemon:
        daemon.sign_in(hub)
        song = make_repository(tmp_path, hub, "trusted")
        song.commit({"a": b"one"})
        assert daemon.json("-C", song.root, "push", "--no-daemon")["ok"] is True
        second = song.commit({"a": b"two"})
        daemon.watch(song.root)
        daemon.wait_safe()
        checks = {check["name"]: check for check in daemon.client.get("doctor")["checks"]}
        assert checks[f"hub {hub.url}"]["ok"]
        assert (song.muse / "remotes/origin/main").read_text().strip() == second


def test_files_that_do_not_fit_are_an_error(folder: Path, tmp_path: Path) -> None:
    certificate, key = str(folder / "public.crt"), str(folder / "private.key")
    for options in (
        ["--tls-cert", certificate],
        ["--tls-key", key],
        ["--http2"],
        ["--tls-cert", str(folder / "ca.crt"), "--tls-key", key],
        ["--tls-cert", str(tmp_path / "nosuch"), "--tls-key", key],
    ):
        done = hub_command("serve", "--json", "--data", tmp_path / "hub", "--port", "0", *options, expect=2)
        assert json.loads(done.stdout)["error"]["code"] == "usage"
        assert not (tmp_path / "hub").exists()
