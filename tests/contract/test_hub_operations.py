"""What whoever runs a hub sees of it: figures, readiness, log lines, and how it stops."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgpack
import pytest

from tests.helpers.hub import HubProcess, hub_command
from tests.helpers.push_client import PushClient, compress, error_code, wait_until
from tests.helpers.records import make_history, pack

HISTORY = make_history({"a": b"one"}, {"a": b"two"})


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess("--log-format", "json", "--body-idle", "0.3", "--body-grace", "0.3") as process:
        yield process


def _metrics(hub: HubProcess) -> dict[str, float]:
    answer = httpx.get(hub.url + "/metrics", trust_env=False)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def _lines(hub: HubProcess) -> list[dict[str, object]]:
    return [json.loads(line) for line in hub.log.splitlines()]


def test_a_push_and_a_refusal_are_counted_and_nobody_is_named(hub: HubProcess) -> None:
    with PushClient(hub, "counted") as client:
        before = _metrics(hub)
        assert client.push(HISTORY)[0] == 200
        status, refused = client.presign(b"x", size_bytes=1 << 60)
        assert (status, error_code(refused)) == (413, "too_large")
    after = _metrics(hub)

    def added(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert added('museui_hub_pushes_total{strategy="bundle"}') == 1
    assert added("museui_hub_stored_commits_total") == 2
    assert added("museui_hub_stored_objects_total") == 2
    assert added('museui_hub_refusals_total{code="too_large"}') == 1
    for step in ("presign", "read", "verify", "store", "index", "advance", "total"):
        assert added(f'museui_hub_push_seconds_count{{step="{step}",strategy="bundle"}}') >= 1
    route = 'route="/{owner}/{slug}/push/bundle/confirm",status="200"'
    assert added(f'museui_hub_requests_total{{method="POST",{route}}}') == 1
    assert added('museui_hub_store_seconds_count{operation="adopt"}') == 1
    assert after["museui_hub_database_up"] == 1 and after["museui_hub_repositories"] >= 1
    assert not re.search(r"counted|ada|main", "\n".join(after))


def test_what_waits_in_the_index_is_shown(hub: HubProcess) -> None:
    with PushClient(hub, "waits") as client:
        open_before = _metrics(hub)["museui_hub_uploads_open"]
        assert client.presign(b"x" * 100)[0] == 200
        assert _metrics(hub)["museui_hub_uploads_open"] == open_before + 1


def test_unknown_paths_and_methods_do_not_make_labels(hub: HubProcess) -> None:
    for number in range(5):
        httpx.request(f"M{number}", f"{hub.url}/healthz", trust_env=False)
        httpx.get(f"{hub.url}/nobody{number}/x/y/z", trust_env=False)
    names = "\n".join(_metrics(hub))
    assert "nobody" not in names and 'method="M' not in names and 'route="none"' in names


def test_a_client_that_is_too_slow_is_counted(hub: HubProcess) -> None:
    hub.command("repo", "create", "ada/slow")
    with socket.create_connection(("127.0.0.1", hub.port), timeout=60) as slow:
        head = f"POST /ada/slow/negotiate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\n"
        slow.sendall(head.encode() + b"Content-Length: 100\r\n\r\n{")
        assert slow.recv(100).startswith(b"HTTP/1.1 503")
    assert _metrics(hub)['museui_hub_slow_clients_total{what="body"}'] >= 1


def test_metrics_are_for_the_machine_of_the_hub_or_for_a_token() -> None:
    def ask(hub: HubProcess, **headers: str) -> tuple[int, str]:
        answer = httpx.get(hub.url + "/metrics", headers=headers, trust_env=False)
        return answer.status_code, "" if answer.is_success else answer.json()["error"]["code"]

    with HubProcess() as hub:
        assert ask(hub) == (200, "")
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
            assert ask(hub, **{name: "203.0.113.7"}) == (403, "forbidden"), "it is asked for somebody else"
    with HubProcess("--trusted-proxy", "10.0.0.0/8") as hub:
        assert ask(hub, **hub.headers) == (403, "forbidden")
    with HubProcess(environment={"MUSEUI_HUB_METRICS_TOKEN": "figures please"}) as hub:
        assert ask(hub, Authorization="Bearer figures please", **{"X-Forwarded-For": "203.0.113.7"}) == (200, "")
        for headers in ({}, hub.headers, {"Authorization": "figures please"}, {"Authorization": "Bearer figures"}):
            assert ask(hub, **headers) == (401, "unauthorized")
        assert "figures please" not in hub.log


def test_metrics_can_be_turned_off() -> None:
    with HubProcess("--no-metrics") as hub:
        assert httpx.get(hub.url + "/metrics", trust_env=False).status_code == 404


def test_readiness_names_the_part_that_does_not_answer(hub: HubProcess) -> None:
    store = hub.data_dir / "store"
    store.rename(hub.data_dir / "elsewhere")
    try:
        answer = httpx.get(hub.url + "/readyz", trust_env=False)
    finally:
        (hub.data_dir / "elsewhere").rename(store)
    assert answer.status_code == 503
    details = answer.json()["error"]["details"]
    assert details["database"] == "ok" and details["store"] != "ok"
    assert "the store" in answer.json()["error"]["message"]


def test_every_line_of_a_request_has_its_id_and_probes_have_none(hub: HubProcess) -> None:
    with PushClient(hub, "logged") as client:
        wire = compress(pack(HISTORY.bundle()))
        client.upload(wire)
        answer = client.http.post(
            f"{client.url}/push/bundle/confirm",
            content=pack({"bundle_id": "sha256:" + "0" * 64, "branch": "main", "head": HISTORY.head, "force": False}),
        )
        request_id = answer.headers["x-request-id"]
        assert client.confirm(wire, HISTORY.head)[0] == 200
    hub.wait_for_log(request_id)
    httpx.get(hub.url + "/healthz", trust_env=False)
    wait_until(lambda: any(line["message"] == "push/bundle/confirm" for line in _lines(hub)))
    lines = _lines(hub)
    (refused,) = (line for line in lines if line["message"] == "push refused" and line["request_id"] == request_id)
    assert (refused["code"], refused["user"]) == ("not_found", "ada") and refused["reason"]
    pushed = next(line for line in lines if line["message"] == "push/bundle/confirm")
    of_it = [line["message"] for line in lines if line.get("request_id") == pushed["request_id"]]
    assert of_it == ["push/bundle/confirm", "request"]
    assert {f"{step}_s" for step in ("read", "verify", "store", "index", "advance", "total")} <= pushed.keys()
    assert not any(line.get("path") == "/healthz" and line.get("status") == 200 for line in lines)


def test_a_level_says_which_lines_come() -> None:
    with HubProcess("--log-level", "warning") as hub:
        httpx.get(hub.url + "/ada/x/refs", trust_env=False)
        hub.stop()
        assert hub.log == ""
    with HubProcess("--log-level", "debug") as hub:
        httpx.get(hub.url + "/healthz", trust_env=False)
        hub.wait_for_log("path=/healthz")


def test_a_second_signal_ends_what_runs() -> None:
    with HubProcess("--stop-timeout", "3000", "--body-idle", "3000", "--body-grace", "3000") as hub:
        hub.command("repo", "create", "ada/song")
        head = f"POST /ada/song/negotiate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {hub.token}\r\n"
        with socket.create_connection(("127.0.0.1", hub.port), timeout=60) as endless:
            endless.sendall(head.encode() + b"Content-Length: 1000\r\n\r\n{")
            wait_until(lambda: _metrics(hub)["museui_hub_requests_running"] == 2)
            process = hub._process
            assert process is not None
            process.send_signal(signal.SIGTERM)
            hub.wait_for_log("stopping")
            assert process.poll() is None
            assert hub.stop() == 0
        assert "told to stop twice" in hub.log and "Traceback" not in hub.log


def _presigned_url(client: PushClient, **headers: str) -> str:
    message = pack({"bundle_id": "sha256:" + "1" * 64, "size_bytes": 10})
    answer = client.http.post(f"{client.url}/push/bundle/presign", content=message, headers=headers)
    assert answer.status_code == 200, answer.content
    return str(msgpack.unpackb(answer.content)["presigned_url"])


SPOOF = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "hub.example.org"}


def test_only_a_trusted_proxy_says_where_a_client_is_and_what_the_hub_is_called(hub: HubProcess) -> None:
    with PushClient(hub, "spoofed") as client:
        assert _presigned_url(client, **SPOOF).startswith(hub.url + "/staging/")
    assert "192.0.2.7" not in hub.log
    with HubProcess("--trusted-proxy", "127.0.0.0/8", "--trusted-proxy", "::1") as behind, PushClient(behind) as client:
        assert _presigned_url(client, **SPOOF).startswith("https://hub.example.org/staging/")
        behind.wait_for_log("client=192.0.2.7")
        bad = client.http.get(f"{client.url}/refs", headers={"X-Forwarded-Host": "a b<>"})
        assert bad.status_code == 200
        message = pack({"bundle_id": "sha256:" + "1" * 64, "size_bytes": 10})
        refused = client.http.post(
            f"{client.url}/push/bundle/presign", content=message, headers={"X-Forwarded-Host": "a b<>"}
        )
        assert refused.status_code == 422


def test_who_asks_too_often_waits_and_others_do_not(tmp_path: Path) -> None:
    with HubProcess("--requests-per-minute", "1", "--request-burst", "3", data_dir=tmp_path / "hub") as hub:
        other = hub.new_user("bob")

        def get(token: str | None) -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return httpx.get(hub.url + "/repos", headers=headers, trust_env=False)

        assert [get(hub.token).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = get(hub.token)
        assert refused.json()["error"]["code"] == "rate_limited" and 1 <= int(refused.headers["retry-after"]) <= 60
        assert get(other).status_code == 200
        assert [get("muse_nonsense" + str(n)).status_code for n in range(4)] == [401, 401, 401, 429]
        assert get(None).status_code == 429
        assert _metrics(hub)['museui_hub_refusals_total{code="rate_limited"}'] == 4
    again = HubProcess("--max-open-uploads", "2", data_dir=tmp_path / "hub", owner="bob")
    with again as hub, PushClient(hub, "song", token=other) as client:
        assert [client.presign(bytes([n]))[0] for n in range(2)] == [200, 200]
        status, answer = client.presign(b"third")
        assert (status, error_code(answer)) == (429, "rate_limited")
        assert client.presign(bytes([1]))[0] == 200


def test_options_come_from_the_file_and_the_environment_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "hub.toml").write_text(
        '[serve]\nmax-bundle-bytes = 4321\nstream-max-objects = 5\nlog-format = "json"\nuser-quota = "1K"\n'
        'trusted-proxy = ["10.0.0.0/8", "127.0.0.1"]\nmetrics = false\n'
    )
    environment = {"MUSEUI_HUB_STREAM_MAX_OBJECTS": "6", "MUSEUI_HUB_MAX_OBJECT_BYTES": "99"}
    with HubProcess("--max-object-bytes", "98", data_dir=folder, environment=environment) as hub:
        hub.command("repo", "create", "ada/song")
        limits = httpx.get(hub.repository() + "/refs", headers=hub.headers, trust_env=False).json()["limits"]
        assert [limits[name] for name in ("max_bundle_bytes", "stream_max_objects", "max_object_bytes")] == [
            4321,
            6,
            98,
        ]
        assert httpx.get(hub.url + "/metrics", trust_env=False).status_code == 404
        with PushClient(hub) as client:
            assert client.presign(b"x" * 2000)[0] == 507
            assert _presigned_url(client, **SPOOF).startswith("https://hub.example.org/")
        assert all(json.loads(line) for line in hub.log.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "[serve]\nnonsense = 1\n",
        '[serve]\nrequest-burst = "x"\n',
        "[serve]\ndata = '/'\n",
        "serve = 1\n",
        "[serve\n",
        '[serve]\ntrusted-proxy = ["10.0.0.1/8"]\n',
    ],
)
def test_a_file_that_will_not_do_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "hub.toml").write_text(text)
    error = json.loads(hub_command("serve", "--json", "--data", tmp_path, "--port", "0", expect=2).stdout)["error"]
    assert error["code"] == "usage"
    assert not (tmp_path / "hub.sqlite3").exists()
