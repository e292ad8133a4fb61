"""The hub as a process: it starts on nothing, alone, says so once, and ends in order."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.helpers.hub import ROOT, HubProcess, hub_command


def test_first_start_prints_one_line_with_a_token_and_later_ones_none(tmp_path: Path) -> None:
    with HubProcess(data_dir=tmp_path / "deep" / "hub") as hub:
        assert hub.ready.keys() == {"ok", "url", "owner", "token"}
        assert hub.ready["owner"] == "ada"
        assert hub.ready["url"] == f"http://127.0.0.1:{hub.port}"
        answer = httpx.get(hub.url + "/repos", headers=hub.headers, trust_env=False)
        assert answer.status_code == 200
        port = hub.port
        hub.restart()
        assert hub.ready == {"ok": True, "url": f"http://127.0.0.1:{port}", "owner": "ada", "token": None}
        assert httpx.get(hub.url + "/repos", headers=hub.headers, trust_env=False).status_code == 200


def test_another_owner_on_a_used_folder_is_added_with_a_token(tmp_path: Path) -> None:
    with HubProcess(data_dir=tmp_path / "hub") as hub:
        pass
    with HubProcess(data_dir=tmp_path / "hub", owner="bob") as hub:
        assert hub.ready["owner"] == "bob" and hub.ready["token"]
        assert hub.command("user", "list").split()[0::4] == ["ada", "bob"]


def test_ready_line_comes_when_the_hub_answers_and_its_pipe_carries_nothing_else() -> None:
    with HubProcess() as hub:
        process = hub._process
        assert process is not None and process.stdout is not None
        assert httpx.get(hub.url + "/readyz", trust_env=False).status_code == 200
        hub._process = None
        process.terminate()
        rest, _ = process.communicate(timeout=60)
        assert rest == ""
        assert process.returncode == 0


def test_folder_of_the_hub_is_its_owners_alone(tmp_path: Path) -> None:
    with HubProcess(data_dir=tmp_path / "hub") as hub:
        assert stat.S_IMODE(hub.data_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE((hub.data_dir / "hub.sqlite3").stat().st_mode) == 0o600
        assert {"hub.sqlite3", "store", "lock"} <= {path.name for path in hub.data_dir.iterdir()}


def test_two_hubs_on_port_0_get_two_ports() -> None:
    with HubProcess() as first, HubProcess() as second:
        assert first.port != second.port
        for hub in (first, second):
            assert httpx.get(hub.url + "/repos", headers=hub.headers, trust_env=False).status_code == 200


def test_second_hub_on_a_port_is_refused(tmp_path: Path) -> None:
    with HubProcess() as hub:
        arguments = ["serve", "--json", "--data", tmp_path / "other", "--port", hub.port]
        error = json.loads(hub_command(*map(str, arguments), expect=2).stdout)["error"]
        assert error["code"] == "usage" and str(hub.port) in error["message"]
        assert httpx.get(hub.url + "/healthz", trust_env=False).status_code == 200


def test_port_that_something_shares_is_refused_too(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        hub_command("serve", "--json", "--data", tmp_path, "--port", str(other.getsockname()[1]), expect=2)


def test_second_hub_on_a_folder_is_refused() -> None:
    with HubProcess() as hub:
        done = hub_command("serve", "--json", "--data", hub.data_dir, "--port", "0", expect=3)
        assert json.loads(done.stdout)["error"]["code"] == "busy"
        assert httpx.get(hub.url + "/healthz", trust_env=False).status_code == 200
        hub.kill()
        hub.start()


def test_sigterm_finishes_the_request_that_runs_and_takes_no_new_one() -> None:
    with HubProcess() as hub:
        hub.command("repo", "create", "ada/song")
        body = b'{"have": []}'
        head = (
            f"POST /ada/song/negotiate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", hub.port), timeout=60) as running:
            running.sendall(head.encode() + body[:5])
            httpx.get(hub.repository() + "/refs", headers=hub.headers, trust_env=False)
            codes: list[int] = []
            stopper = threading.Thread(target=lambda: codes.append(hub.stop()))
            stopper.start()
            hub.wait_for_log("stopping")
            running.sendall(body[5:])
            answer = running.recv(65536)
            stopper.join()
        assert answer.startswith(b"HTTP/1.1 200") and b'"ready":true' in answer
        assert codes == [0]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", hub.port), timeout=60)
        hub.start()


def test_request_that_never_ends_cannot_keep_the_hub_from_stopping() -> None:
    with HubProcess("--stop-timeout", "0.5", "--body-idle", "300", "--body-grace", "300") as hub:
        hub.command("repo", "create", "ada/song")
        head = f"POST /ada/song/negotiate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\n"
        with socket.create_connection(("127.0.0.1", hub.port), timeout=60) as endless:
            endless.sendall(head.encode() + b"Content-Length: 1000\r\n\r\n{")
            httpx.get(hub.repository() + "/refs", headers=hub.headers, trust_env=False)
            assert hub.stop() == 0
            assert not endless.recv(1000).startswith(b"HTTP/1.1 2")
        assert "Traceback" not in hub.log


def test_sigint_ends_it_as_well_and_the_database_is_whole() -> None:
    import signal

    with HubProcess() as hub:
        hub.command("repo", "create", "ada/song")
        assert hub._end(signal.SIGINT) == 0
        assert not (hub.data_dir / "hub.sqlite3-wal").exists()
        assert hub.command("repo", "list").startswith("ada/song")


def test_killed_hub_starts_again_with_everything() -> None:
    with HubProcess() as hub:
        hub.command("repo", "create", "ada/song")
        hub.kill()
        hub.start()
        assert httpx.get(hub.repository() + "/refs", headers=hub.headers, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--owner", "a/b"], 1),
        (["--owner", "repos"], 1),
        (["--port", "65536"], 2),
        (["--public-url", "ftp://x"], 2),
        (["--public-url", "https://user:pw@x"], 2),
        (["--host", "256.256.256.256"], 2),
        (["--max-bundle-bytes", "0"], 2),
        (["--nonsense"], 2),
    ],
)
def test_wrong_option_is_an_error_and_makes_no_hub(tmp_path: Path, options: list[str], code: int) -> None:
    done = hub_command("serve", "--json", "--data", tmp_path / "hub", "--port", "0", *options, expect=code)
    document = json.loads(done.stdout)
    assert document["ok"] is False and document["error"]["message"]
    assert not (tmp_path / "hub" / "hub.sqlite3").exists()


def test_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    hub_command("serve", "--json", "--data", tmp_path / "file" / "hub", "--port", "0", expect=2)


def test_address_beyond_this_machine_brings_a_warning() -> None:
    with HubProcess("--host", "0.0.0.0") as hub:
        assert "without TLS" in hub.log
        assert hub.url == f"http://127.0.0.1:{hub.port}"
    with HubProcess() as hub:
        assert "TLS" not in hub.log


def test_public_url_is_what_the_hub_is_called(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hubstub", "serve", "--json", "--data", str(tmp_path / "hub"), "--port", "0"]
    command += ["--owner", "ada", "--public-url", "https://hub.example.org/"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.terminate()
    assert ready["url"] == "https://hub.example.org"


def test_log_in_json_is_one_object_a_line() -> None:
    with HubProcess("--log", "json") as hub:
        request_id = httpx.get(hub.url + "/ada/x/refs?a=b", trust_env=False).headers["x-request-id"]
        hub.wait_for_log(request_id)
        lines = [json.loads(line) for line in hub.log.splitlines()]
        (found,) = [line for line in lines if line.get("request_id") == request_id]
        assert (found["method"], found["path"], found["status"]) == ("GET", "/ada/x/refs", 404)


def test_hub_without_auto_create_promises_no_repository() -> None:
    with HubProcess("--no-auto-create") as hub:
        answer = httpx.get(hub.repository("new") + "/refs", headers=hub.headers, trust_env=False)
        assert answer.status_code == 404
        assert answer.json()["error"]["details"] == {}


def test_limits_given_at_the_start_are_the_ones_clients_see() -> None:
    with HubProcess("--max-bundle-bytes", "12345", "--stream-max-objects", "7") as hub:
        hub.command("repo", "create", "ada/song")
        limits = httpx.get(hub.repository() + "/refs", headers=hub.headers, trust_env=False).json()["limits"]
        assert (limits["max_bundle_bytes"], limits["stream_max_objects"]) == (12345, 7)


def test_hub_whose_store_is_gone_is_alive_but_not_ready(tmp_path: Path) -> None:
    with HubProcess(data_dir=tmp_path / "hub") as hub:
        store = hub.data_dir / "store"
        store.rename(hub.data_dir / "elsewhere")
        answer = httpx.get(hub.url + "/readyz", trust_env=False)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "unavailable" and answer.headers["retry-after"] == "1"
        assert httpx.get(hub.url + "/healthz", trust_env=False).status_code == 200
        (hub.data_dir / "elsewhere").rename(store)
        assert httpx.get(hub.url + "/readyz", trust_env=False).status_code == 200
