"""Messages that are small on the wire and large in memory, to every endpoint that takes one: refused before they are
built, and the hub answers others meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import msgpack
import pytest

from hubstub.http.messages import ANONYMOUS_BYTES, LONG_MESSAGE_BYTES
from tests.helpers.attacks import attacked_hub, bounded_memory
from tests.helpers.hub import HubProcess

MiB = 1 << 20
GROWTH_BYTES = 96 * MiB
LONG_GROWTH_BYTES = 256 * MiB
"""What the longest lists may take, of which there is one at a time."""
JSON, MSGPACK = "application/json", "application/x-msgpack"
LONG = ("filter-objects", "fetch", "push/objects", "push", "push/confirm")
SHORT = ("negotiate", "presign", "push/presign", "push/bundle/presign", "push/bundle/confirm", "tags", "releases")
PATTERNS = {
    "empty maps": b"{},",
    "empty lists": b"[],",
    "small maps": b'{"a":1},',
    "lists in lists": b"[[[[]]]],",
    "numbers": b"1,",
    "short texts": b'"",',
    "keys": b'{"":{"":{"":0}}},',
}


def bomb(pattern: bytes, size_bytes: int, field: bytes = b"object_ids") -> bytes:
    """JSON of ``size_bytes`` at most, a list of what ``pattern`` repeats."""
    head, tail = b'{"' + field + b'":[', b"0]}"
    return head + pattern * ((size_bytes - len(head) - len(tail)) // len(pattern)) + tail


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with attacked_hub() as process:
        process.command("repo", "create", "ada/open", "--visibility", "public")
        yield process


@pytest.fixture(scope="module")
def client(hub: HubProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hub.url, trust_env=False, timeout=120) as made:
        yield made


@pytest.mark.parametrize("shape", PATTERNS)
def test_json_of_many_parts_is_refused_before_it_is_built(hub: HubProcess, client: httpx.Client, shape: str) -> None:
    body = bomb(PATTERNS[shape], LONG_MESSAGE_BYTES)
    for field in (b"object_ids", b"have", b"objects"):
        named = body.replace(b"object_ids", field, 1)
        for path in LONG:
            headers = {**hub.headers, "Content-Type": JSON}
            with bounded_memory(hub, GROWTH_BYTES):
                answer = client.post(f"/ada/open/{path}", content=named[: LONG_MESSAGE_BYTES - 3], headers=headers)
            assert answer.status_code in (413, 422), answer.text
            assert answer.json()["error"]["code"] in ("too_large", "invalid")
        if shape == "empty maps":
            continue
        break


@pytest.mark.parametrize("shape", PATTERNS)
def test_short_messages_of_many_parts_are_refused(hub: HubProcess, client: httpx.Client, shape: str) -> None:
    body = bomb(PATTERNS[shape], MiB)
    for path in SHORT:
        headers = {**hub.headers, "Content-Type": JSON}
        with bounded_memory(hub, GROWTH_BYTES // 4):
            answer = client.post(f"/ada/open/{path}", content=body, headers=headers)
        assert answer.status_code in (413, 422), answer.text


def test_many_at_once_take_no_more_memory_than_a_few(hub: HubProcess, client: httpx.Client) -> None:
    """Lists as long as they may be, of what just passes: ids that are none are refused after they were decoded."""
    body = bomb(b'"aaaaaaaaaaaaaaaaaaaaaaaaaaa",', LONG_MESSAGE_BYTES)

    def ask(number: int) -> int:
        headers = {**hub.headers, "Content-Type": JSON}
        return httpx.post(
            f"{hub.url}/ada/open/filter-objects", content=body, headers=headers, trust_env=False, timeout=120
        ).status_code

    with bounded_memory(hub, LONG_GROWTH_BYTES), ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {422}


@pytest.mark.parametrize("kind", [JSON, MSGPACK])
@pytest.mark.parametrize("path", ["filter-objects", "fetch"])
def test_who_has_no_token_sends_less(hub: HubProcess, client: httpx.Client, kind: str, path: str) -> None:
    count = ANONYMOUS_BYTES // 66
    message = {"object_ids": ["0" * 64] * count, "want": [], "have": ["0" * 64] * count}
    body = msgpack.packb(message) if kind == MSGPACK else httpx.Request("POST", "http://x", json=message).content
    headers = {"Content-Type": kind, "Accept": JSON}
    with bounded_memory(hub, 16 * MiB):
        answer = client.post(f"/ada/open/{path}", content=body, headers=headers)
    assert answer.status_code == 413
    assert "token" in answer.json()["error"]["hint"]
    answer = client.post(f"/ada/open/{path}", content=body, headers={**headers, **hub.headers})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("kind", [JSON, MSGPACK])
def test_others_are_answered_while_a_long_message_is_worked_on(
    hub: HubProcess, client: httpx.Client, kind: str
) -> None:
    ids = [f"{number:064x}" for number in range(LONG_MESSAGE_BYTES // 70)]
    message = {"object_ids": ids}
    body = msgpack.packb(message) if kind == MSGPACK else httpx.Request("POST", "http://x", json=message).content

    def ask() -> httpx.Response:
        return httpx.post(
            f"{hub.url}/ada/open/filter-objects",
            content=body,
            headers={**hub.headers, "Content-Type": kind, "Accept": JSON},
            trust_env=False,
            timeout=120,
        )

    answered = 0
    with bounded_memory(hub, 200 * MiB), ThreadPoolExecutor(1) as other:
        asking = other.submit(ask)
        while not asking.done():
            answered += client.get("/healthz").status_code == 200
    assert asking.result().json()["missing"] == ids
    assert answered >= 30


def test_tags_and_releases_are_given_as_they_are_kept(hub: HubProcess, client: httpx.Client) -> None:
    """All records of a repository are some 20 MiB: they are put together from what is kept, never built at once."""
    notes = [{"": index} for index in range(18_000)]
    for number in range(40):
        answer = client.post(
            "/ada/open/releases", json={"tag": f"v{number}", "notes": notes}, headers=hub.headers, timeout=60
        )
        assert answer.status_code == 200, answer.text
    for accept in (JSON, MSGPACK):
        with bounded_memory(hub, 64 * MiB):
            answer = client.get("/ada/open/releases", headers={"Accept": accept})
        found = answer.json() if accept == JSON else msgpack.unpackb(answer.content)
        assert len(found["releases"]) == 40
        assert found["releases"][0]["notes"] == notes
