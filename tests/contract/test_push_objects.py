"""``/o/{id}`` and presigned GET: the bytes of one object, for whoever may read a repository that holds it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.push_client import PushClient, error_code
from tests.helpers.records import digest, make_history

TEXT = b"0123456789"
LARGE = random.Random(7).randbytes(9 << 20)
HISTORY = make_history({"text": TEXT, "large": LARGE, "empty": b""})
UNKNOWN = "f" * 64


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture(scope="module", params=["bundled", "promoted"])
def client(hub: HubProcess, request: pytest.FixtureRequest) -> Iterator[PushClient]:
    """Objects that lie in a stored bundle (as the same bytes do, pushed by another user, until promoted), or do not."""
    with PushClient(hub) as made:
        made.push(HISTORY)
        if request.param == "promoted":
            made.wait_promoted()
        yield made


def _get(client: PushClient, object_id: str, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.http.get(f"{client.hub.url}/o/{object_id}", headers=sent)


@pytest.mark.parametrize("content", [TEXT, LARGE, b""])
def test_an_object_comes_whole_under_either_spelling(client: PushClient, content: bytes) -> None:
    for object_id in (digest(content), digest(content)[7:]):
        response = _get(client, object_id)
        assert (response.status_code, response.content) == (200, content)
        assert response.headers["etag"] == f'"{digest(content)[7:]}"'
        assert response.headers["content-length"] == str(len(content))
        assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert response.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("content", [TEXT, LARGE])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=2-5", 2, 6),
        ("bytes=7-", 7, None),
        ("bytes=-3", -3, None),
        ("bytes=5-99999999999", 5, None),
        ("bytes=-99999999999", 0, None),
        ("bytes = 0-1", None, None),
        ("bytes=5-2", None, None),
        ("bytes=0-1,3-4", None, None),
        ("lines=0-1", None, None),
        ("bytes=-", None, None),
        ("bytes=٣-٥", None, None),
    ],
)
def test_a_range_gives_its_part(
    client: PushClient, content: bytes, asked: str, start: int | None, stop: int | None
) -> None:
    response = client.http.get(
        f"{client.hub.url}/o/{digest(content)}", headers=[(b"range", asked.encode()), (b"accept", b"*/*")]
    )
    assert response.status_code == (200 if start is None else 206)
    expected = content if start is None else content[start:stop]
    assert response.content == expected
    if start is not None:
        begin = start % len(content)
        end = begin + len(expected) - 1
        assert response.headers["content-range"] == f"bytes {begin}-{end}/{len(content)}"


def test_a_large_part_of_a_large_object_is_streamed(client: PushClient) -> None:
    response = _get(client, digest(LARGE), Range="bytes=1000-8000000")
    assert response.content == LARGE[1000:8000001]


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99999-100000", "bytes=-0"])
def test_a_range_beyond_the_end_is_not_satisfiable(client: PushClient, asked: str) -> None:
    response = _get(client, digest(TEXT), Range=asked)
    assert (response.status_code, response.headers["content-range"]) == (416, "bytes */10")


def test_what_the_client_has_is_not_sent(client: PushClient) -> None:
    etag = f'"{digest(TEXT)[7:]}"'
    for value in (etag, f"W/{etag}", f'"x", {etag}'):
        response = _get(client, digest(TEXT), If_None_Match=value)
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
    assert _get(client, digest(TEXT), If_None_Match='"other"').status_code == 200
    assert _get(client, digest(TEXT), If_Range=etag, Range="bytes=0-1").status_code == 206
    assert _get(client, digest(TEXT), If_Range='"other"', Range="bytes=0-1").content == TEXT


def test_head_says_what_get_would(client: PushClient) -> None:
    for content in (TEXT, LARGE):
        response = client.http.head(f"{client.hub.url}/o/{digest(content)}")
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["content-length"] == str(len(content))


def _answer(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """What can be told apart: everything but the request's own id and the time of day."""
    headers = {name: value for name, value in response.headers.items() if name not in ("x-request-id", "date")}
    return response.status_code, response.content, headers


def test_what_one_may_not_read_looks_like_what_does_not_exist(hub: HubProcess, client: PushClient) -> None:
    eve = hub.new_user(f"eve{time.monotonic_ns()}")
    restricted = None
    with PushClient(hub, "another") as another:
        another.push(make_history({"n": b"nothing much"}))
        restricted = hub.command("token", "create", "ada", "--repo", "ada/another")
    for token in (None, eve, restricted):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for method in ("GET", "HEAD"):
            for extra in ({}, {"Range": "bytes=0-0"}, {"If-None-Match": f'"{digest(TEXT)[7:]}"'}):
                answers = [
                    _answer(httpx.request(method, f"{hub.url}/o/{item}", headers={**headers, **extra}, trust_env=False))
                    for item in (digest(TEXT), UNKNOWN, "sha256:" + UNKNOWN, "no-id")
                ]
                assert answers[0][0] == 404
                assert all(answer == answers[0] for answer in answers)


def test_a_public_repository_gives_its_objects_to_everybody(hub: HubProcess) -> None:
    with PushClient(hub, "public") as public, PushClient(hub, "private") as private:
        both = make_history({"both": b"in both"})
        public.push(both)
        private.push(both)
        private.push(make_history({"one": b"in the private one"}), "more")
        hub.command("repo", "visibility", "ada/public", "public")
        response = httpx.get(f"{hub.url}/o/{digest(b'in both')}", trust_env=False)
        assert (response.status_code, response.content) == (200, b"in both")
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert httpx.get(f"{hub.url}/o/{digest(b'in the private one')}", trust_env=False).status_code == 404


def test_a_presigned_url_gives_one_object_for_a_while(client: PushClient) -> None:
    ids = [digest(TEXT), digest(LARGE)[7:], UNKNOWN]
    status, answer = client.post("presign", {"object_ids": ids, "direction": "get", "ttl_seconds": 2})
    assert status == 200
    assert (list(answer["presigned"]), answer["inline"], answer["expires_in"]) == (ids[:2], [UNKNOWN], 2)
    url = answer["presigned"][ids[0]]
    response = httpx.get(url, trust_env=False)
    assert (response.status_code, response.content) == (200, TEXT)
    assert response.headers["cache-control"].startswith("private")
    assert httpx.get(answer["presigned"][ids[1]], headers={"Range": "bytes=1-2"}, trust_env=False).content == LARGE[1:3]
    unknown = _answer(httpx.get(f"{client.hub.url}/o/{UNKNOWN}", trust_env=False))
    for changed in (
        url.replace(digest(TEXT)[7:], digest(LARGE)[7:]),
        url.replace("expires=", "expires=9"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.partition("&")[0],
    ):
        assert _answer(httpx.get(changed, trust_env=False)) == unknown
    time.sleep(3)
    assert _answer(httpx.get(url, trust_env=False)) == unknown


@pytest.fixture(scope="module")
def presigner(hub: HubProcess) -> str:
    """The token of another user."""
    return hub.new_user("presigner")


def test_a_presigned_url_ends_with_the_right_to_read_and_lives_no_longer_than_an_upload(
    client: PushClient, presigner: str
) -> None:
    hub, json = client.hub, {"Accept": "application/json", "Content-Type": "application/json"}
    ask = {"object_ids": [digest(TEXT)], "direction": "get", "ttl_seconds": 7 * 24 * 3600}

    def presign(**headers: str) -> str:
        answer = httpx.post(f"{client.url}/presign", json=ask, headers=json | headers, trust_env=False).json()
        assert answer["expires_in"] == 900
        return str(answer["presigned"][digest(TEXT)])

    def set_visibility(value: str) -> None:
        client.http.patch(client.url, json={"visibility": value}, headers=json).raise_for_status()

    set_visibility("public")
    urls = {
        "nobody": presign(),
        "another": presign(Authorization=f"Bearer {presigner}"),
        "owner": presign(**hub.headers),
    }
    read = {who: httpx.get(url, trust_env=False).status_code for who, url in urls.items()}
    assert read == {"nobody": 200, "another": 200, "owner": 200}
    set_visibility("private")
    read = {who: httpx.get(url, trust_env=False).status_code for who, url in urls.items()}
    assert read == {"nobody": 404, "another": 404, "owner": 200}
    client.http.put(f"{client.url}/collaborators/presigner", json={"access": "read"}, headers=json).raise_for_status()
    assert httpx.get(urls["another"], trust_env=False).status_code == 200
    client.http.delete(f"{client.url}/collaborators/presigner").raise_for_status()
    assert httpx.get(urls["another"], trust_env=False).status_code == 404


@pytest.mark.parametrize(
    "message",
    [
        {"object_ids": [UNKNOWN]},
        {"object_ids": [UNKNOWN], "direction": "post"},
        {"object_ids": "x", "direction": "get"},
        {"object_ids": [1], "direction": "get"},
        {"object_ids": [UNKNOWN], "direction": "get", "ttl_seconds": "long"},
        {"object_ids": [UNKNOWN], "direction": "get", "ttl_seconds": 0},
        [1],
    ],
)
def test_presign_names_what_is_wrong(client: PushClient, message: object) -> None:
    status, answer = client.post("presign", message)
    assert (status, error_code(answer)) == (422, "invalid")


def test_presigning_is_for_those_who_may_read(hub: HubProcess, client: PushClient) -> None:
    with PushClient(hub, token=hub.new_user(f"mallory{time.monotonic_ns()}")) as mallory:
        status, answer = mallory.post("presign", {"object_ids": [digest(TEXT)], "direction": "get"})
        assert (status, error_code(answer)) == (404, "not_found")
