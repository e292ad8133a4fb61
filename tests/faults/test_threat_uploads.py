"""Presigned URLs in the wrong hands, bodies that are not what was announced, lengths that lie."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from tests.helpers.attacks import BASE, attacked_hub, check_refused, next_history, raw_exchange, raw_head
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.push_client import PushClient, path_and_query, read_answer, wait_until
from tests.helpers.records import digest, pack

ATTACK = next_history(files={"attack": b"attack" * 1000})


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with attacked_hub() as process:
        yield process


@pytest.fixture(scope="module")
def client(hub: HubProcess) -> Iterator[PushClient]:
    with PushClient(hub) as made:
        yield made


@pytest.fixture
def wire(request: pytest.FixtureRequest) -> bytes:
    """A bundle that no other test uploads."""
    return pack(ATTACK.bundle(meta={"format": 1, "tool": request.node.name}))


def _staged(hub: HubProcess) -> set[str]:
    return {path.name for path in (hub.data_dir / "store" / "staging").iterdir()}


def _wait_spool_empty(hub: HubProcess) -> None:
    """Return once nothing is arriving any more: a connection may be gone before the hub has noticed."""
    wait_until(lambda: not any((hub.data_dir / "spool").iterdir()))


def _is_not_there(client: PushClient, wire: bytes) -> bool:
    """Whether the hub holds nothing that could be confirmed."""
    check_refused(client.confirm(wire, ATTACK.head, "attack"), "not_found")
    return client.presign(wire)[1]["already_present"] is False


def test_confirm_before_any_byte_has_come(hub: HubProcess, client: PushClient, wire: bytes) -> None:
    with unchanged(hub):
        upload_id = client.presign(wire)[1]["upload_id"]
        for fields in ({}, {"upload_id": upload_id}, {"upload_id": upload_id, "force": True}):
            check_refused(client.confirm(wire, ATTACK.head, "attack", **fields), "not_found")


def test_every_part_of_the_url_is_signed(hub: HubProcess, client: PushClient, wire: bytes) -> None:
    url = client.presign(wire)[1]["presigned_url"]
    path, query = path_and_query(url)
    other_path, other_query = path_and_query(client.presign(wire + b"x")[1]["presigned_url"])
    fields, others = dict(parse_qsl(query)), dict(parse_qsl(other_query))
    assert fields.keys() == {"expires", "size", "sha256", "signature"}
    changed: list[tuple[str, list[tuple[str, str]]]] = []
    for name, value in fields.items():
        kept = [(key, item) for key, item in fields.items() if key != name]
        bent = value[:-1] + ("0" if value[-1] != "0" else "1")
        for item in ("", bent, value + "0", "0" + value, "-" + value, " " + value, "x", others[name]):
            if item != value:
                changed.append((path, [*kept, (name, item)]))
        changed.append((path, kept))
        changed.append((path, [*fields.items(), (name, bent)]))
    upload_id = path.rpartition("/")[2]
    own = list(fields.items())
    changed += [(other_path, own), ("/staging/" + "0" * 32, own), (f"/staging/{upload_id}%0a", own)]
    changed += [(path, [*own, (name, "1")]) for name in ("headers", "present")]
    with unchanged(hub):
        for bad_path, bad_query in changed:
            check_refused(client.put(f"{hub.url}{bad_path}?{urlencode(bad_query)}", wire), "forbidden")
        assert client.put(hub.url + path, wire)[0] == 403
        assert _is_not_there(client, wire)
    assert client.put(url, wire)[0] == 200


def test_the_url_is_for_one_place(hub: HubProcess, client: PushClient, wire: bytes) -> None:
    """Nothing can be written beside it, nor anything but the announced object under it."""
    path, query = path_and_query(client.presign(wire)[1]["presigned_url"])
    name = path.rpartition("/")[2]
    with unchanged(hub):
        for bad_path in (
            f"/staging/../{name}",
            f"/staging/%2e%2e%2f{name}",
            f"/staging/..%2fbundles%2f{name}",
            f"/staging/{name}/",
            f"/staging/{name}/x",
            f"/bundles/{name}",
            f"/objects/{name}",
            f"/o/{digest(wire)}",
            f"/staging//{name}",
            "/staging/",
        ):
            head = raw_head("PUT", f"{bad_path}?{query}", f"Content-Length: {len(wire)}")
            assert raw_exchange(hub, head + wire).split(b" ")[1] in (b"403", b"404", b"405")
        assert _staged(hub).isdisjoint({name})


def test_what_is_staged_is_never_served(hub: HubProcess, client: PushClient, wire: bytes) -> None:
    upload = client.upload(wire)
    path, query = path_and_query(upload["presigned_url"])
    with unchanged(hub):
        for method in ("GET", "HEAD", "POST", "DELETE", "PATCH", "OPTIONS", "COPY"):
            for headers in ({}, hub.headers):
                response = httpx.request(
                    method, f"{hub.url}{path}?{query}", headers=headers, trust_env=False, verify=False
                )
                assert response.status_code in ((401, 404) if method in ("DELETE", "PATCH") else (404, 405))
                assert wire[:50] not in response.content
        for other in (f"/o/{digest(wire)}", f"/o/{upload['upload_id']}", f"/{upload['upload_id']}"):
            assert client.get(other).status_code in (404, 405)
        assert upload["upload_id"] in _staged(hub)
    assert client.confirm(wire, ATTACK.head, f"served-{upload['upload_id']}")[0] == 200


def test_put_again_before_and_after_confirm(hub: HubProcess, client: PushClient, wire: bytes) -> None:
    url = client.presign(wire)[1]["presigned_url"]
    assert client.put(url, wire)[0] == 200
    with unchanged(hub):
        for body in (wire, wire[:-1] + b"!", b"", b"x" * len(wire)):
            status, answer = client.put(url, body)
            check_refused((status, answer), "upload_expired" if len(body) == len(wire) else "invalid")
    assert client.confirm(wire, ATTACK.head, "again")[0] == 200
    first = client.confirm(wire, ATTACK.head, "again")
    with unchanged(hub):
        for _ in range(2):
            check_refused(client.put(url, wire), "upload_expired")
        assert client.confirm(wire, ATTACK.head, "again")[1]["push_id"] == first[1]["push_id"]
        assert _staged(hub).isdisjoint({path_and_query(url)[0].rpartition("/")[2]})


def test_bytes_that_are_sent_though_they_are_there_change_nothing(
    hub: HubProcess, client: PushClient, wire: bytes
) -> None:
    """A client that looks at ``presigned_url`` alone sends them again, and gets through; other bytes do not."""
    first = client.upload(wire)
    staged = hub.data_dir / "store" / "staging" / first["upload_id"]
    again = client.presign(wire)[1]
    assert (again["already_present"], again["upload_id"]) == (True, first["upload_id"])
    written = staged.stat()
    with unchanged(hub):
        for body, code in ((wire[:-1] + b"!", "integrity"), (wire[:-1], "invalid"), (wire + b"x", "too_large")):
            check_refused(client.put(again["presigned_url"], body), code)
        for _ in range(2):
            assert client.put(again["presigned_url"], wire)[0] == 200
        check_refused(client.put(first["presigned_url"], wire), "upload_expired")
        assert staged.stat() == written and staged.read_bytes() == wire
    promised = client.presign(wire, put_headers=True)[1]
    with unchanged(hub):
        check_refused(client.put(promised["presigned_url"], wire, **promised["headers"]), "upload_expired")
    assert client.confirm(wire, ATTACK.head, "sent-again")[0] == 200
    with unchanged(hub):
        check_refused(client.put(again["presigned_url"], wire), "upload_expired")


@pytest.mark.parametrize("announced", [-1, +1])
def test_a_size_that_was_announced_wrong(hub: HubProcess, client: PushClient, wire: bytes, announced: int) -> None:
    """The id is right and the size is not: neither the whole nor the announced part of it is taken."""
    url = client.presign(wire, size_bytes=len(wire) + announced)[1]["presigned_url"]
    with unchanged(hub):
        check_refused(client.put(url, wire), "too_large" if announced < 0 else "invalid")
        check_refused(client.put(url, (wire + b"\0")[: len(wire) + announced]), "integrity")
        check_refused(client.confirm(wire, ATTACK.head, "attack"), "not_found")


def _put_head(url: str, *lines: str) -> bytes:
    path, query = path_and_query(url)
    return raw_head("PUT", f"{path}?{query}", *lines)


def _code(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def test_a_length_that_lies(hub: HubProcess, client: PushClient, wire: bytes) -> None:
    url = client.presign(wire)[1]["presigned_url"]
    size = len(wire)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (size, wire)
    with unchanged(hub):
        for lines, body in (
            ([f"Content-Length: {size}"], wire[:-1]),
            ([f"Content-Length: {size}"], b""),
            ([f"Content-Length: {size + 1}"], wire + b"x"),
            ([f"Content-Length: {size - 1}"], wire),
            (["Content-Length: 0"], b""),
            (["Content-Length: 0"], wire),
            (["Content-Length: 99999999999999999999999"], wire),
            (["Content-Length: -1"], wire),
            ([f"Content-Length: {size}, {size}"], wire[:-1]),
            ([f"Content-Length: {size}", f"Content-Length: {size + 5}"], wire),
            ([f"Content-Length: {size + 5}", f"Content-Length: {size}"], wire),
            (["Transfer-Encoding: chunked"], chunked),
            (["Transfer-Encoding: chunked"], chunked[:-5]),
            (["Transfer-Encoding: chunked"], b"%x\r\n%s" % (size + 1, wire)),
            (["Transfer-Encoding: gzip, chunked"], chunked),
            ([f"Content-Length: {size}", "Content-Encoding: gzip", "Transfer-Encoding: identity"], wire[:-1]),
            ([], wire),
            ([], b""),
        ):
            assert _code(raw_exchange(hub, _put_head(url, *lines) + body, shut=True)) in (0, 400, 411, 413, 422)
            _wait_spool_empty(hub)
            assert _is_not_there(client, wire)
    assert _code(raw_exchange(hub, _put_head(url, f"Content-Length: {size}") + wire)) == 200


def test_both_lengths_at_once_bring_no_other_bytes(hub: HubProcess, client: PushClient, wire: bytes) -> None:
    """Whichever of the two the hub believes, only the announced bytes can have been taken."""
    url = client.presign(wire)[1]["presigned_url"]
    lines = [f"Content-Length: {len(wire)}", "Transfer-Encoding: chunked"]
    with unchanged(hub):
        for body in (wire, b"%x\r\n%s\r\n0\r\n\r\n" % (len(wire), wire), b"0\r\n\r\n" + wire):
            raw_exchange(hub, _put_head(url, *lines) + body, shut=True)
            _wait_spool_empty(hub)
            for path in (hub.data_dir / "store" / "staging").iterdir():
                assert path.read_bytes() == wire or path.name not in url


def test_more_than_was_announced_is_no_request(hub: HubProcess, client: PushClient, wire: bytes) -> None:
    """What stands behind the announced length is not part of the object, nor done as a request of somebody else's."""
    url = client.presign(wire)[1]["presigned_url"]
    inner = raw_head("DELETE", "/ada/song", token=hub.token)
    with unchanged(hub):
        answer = raw_exchange(hub, _put_head(url, f"Content-Length: {len(wire)}") + wire + inner)
        assert _code(answer) == 200
        assert answer.count(b"HTTP/1.1 ") == 1
        staged = hub.data_dir / "store" / "staging" / path_and_query(url)[0].rpartition("/")[2]
        assert staged.read_bytes() == wire


@pytest.mark.parametrize("way", ["unpack", "stream"])
def test_a_body_that_ends_too_early_is_no_push(hub: HubProcess, client: PushClient, wire: bytes, way: str) -> None:
    """Also when all that matters has come: without its end nobody knows that this was all."""
    target = f"/ada/song/push/{way}?branch=attack&head={ATTACK.head}"
    body = wire if way == "unpack" else b"".join(map(pack, _stream_frames()))
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    with unchanged(hub):
        for lines, sent in (
            ([f"Content-Length: {len(body)}"], body[:-1]),
            ([f"Content-Length: {len(body) + 1}"], body),
            (["Transfer-Encoding: chunked"], chunk),
            (["Transfer-Encoding: chunked"], chunk[:-2]),
            (["Transfer-Encoding: chunked"], chunk + b"0\r\n"),
            (["Transfer-Encoding: chunked"], chunk + b"zz\r\n\r\n"),
        ):
            answer = raw_exchange(hub, raw_head("POST", target, *lines, token=hub.token) + sent, shut=True)
            assert _code(answer) in (0, 400, 422)
            _wait_spool_empty(hub)
    with PushClient(hub, f"whole-{way}") as other:
        assert other.push(BASE)[0] == 200
        target = target.replace("/song/", f"/whole-{way}/")
        head = raw_head("POST", target, "Transfer-Encoding: chunked", token=hub.token)
        assert _code(raw_exchange(hub, head + chunk + b"0\r\n\r\n")) == 200
        assert other.heads()["attack"] == ATTACK.head


def _stream_frames() -> list[object]:
    frames: list[object] = [["H", {"branch": "attack", "head": ATTACK.head}]]
    frames += [["S", ATTACK.snapshots[0]], *(["O", [*item]] for item in ATTACK.contents.items())]
    return [*frames, ["C", ATTACK.commits[0]], ["E", {}]]


def test_a_token_does_not_help_where_none_is_asked_for(hub: HubProcess, client: PushClient, wire: bytes) -> None:
    """The signature alone decides: neither does a right token mend a wrong URL, nor a wrong one spoil a right one."""
    url = client.presign(wire)[1]["presigned_url"]
    with unchanged(hub):
        check_refused(client.put(url[:-1] + ("0" if url[-1] != "0" else "1"), wire, **hub.headers), "forbidden")
        assert client.put(url, wire, Authorization="Bearer nonsense")[0] == 200


def test_an_expired_url_takes_nothing() -> None:
    with HubProcess("--upload-ttl", "1") as hub, PushClient(hub) as client:
        wire = pack(ATTACK.bundle())
        asked_at = time.time()
        url = client.presign(wire)[1]["presigned_url"]
        path, query = path_and_query(url)
        fields = dict(parse_qsl(query))
        assert int(fields["expires"]) >= asked_at + 1, "it lives for as long as was said"
        time.sleep(max(0.0, int(fields["expires"]) - time.time()) + 0.05)
        with unchanged(hub):
            for body in (wire, b"x" * len(wire), b""):
                check_refused(client.put(url, body), "upload_expired", "invalid")
            longer = {**fields, "expires": str(int(fields["expires"]) + 3600)}
            check_refused(client.put(f"{hub.url}{path}?{urlencode(longer)}", wire), "forbidden")
            check_refused(client.confirm(wire, ATTACK.head, "attack"), "not_found")
            assert not _staged(hub)


def test_presign_messages_that_ask_for_what_cannot_be(hub: HubProcess, client: PushClient, wire: bytes) -> None:
    good = {"bundle_id": digest(wire), "size_bytes": len(wire)}
    lease = {"branch": "main", "head": ATTACK.head, "expected_head": ATTACK.head}
    with unchanged(hub):
        for message, code in (
            ({**good, "size_bytes": (4 << 30) + 1}, "too_large"),
            ({**good, "size_bytes": 1 << 63}, "invalid"),
            ({**good, "size_bytes": -1}, "invalid"),
            ({**good, "size_bytes": True}, "invalid"),
            ({**good, "size_bytes": 1.0}, "invalid"),
            ({**good, "raw_bytes": -1}, "invalid"),
            ({**good, "raw_bytes": "all"}, "invalid"),
            ({**good, "put_headers": "yes"}, "invalid"),
            ({**good, "bundle_id": "sha256:" + digest(wire)}, "invalid"),
            ({**good, "bundle_id": digest(wire).upper()}, "invalid"),
            ({**good, "bundle_id": "../" + "a" * 61}, "invalid"),
            ({**good, **lease}, "stale_lease"),
            ({**good, **lease, "expected_head": None}, "stale_lease"),
            ({"bundle_id": digest(wire)}, "invalid"),
            ({"size_bytes": len(wire)}, "invalid"),
        ):
            for path in ("push/bundle/presign", "push/bundle-presign"):
                check_refused(client.post(path, message), code)
                response = client.http.post(
                    f"{client.url}/{path}", json=message, headers={"Content-Type": "application/json"}
                )
                check_refused(read_answer(response), code)
