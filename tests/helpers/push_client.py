"""Requests of a push, one by one and as they are, for tests that send them in the wrong order or with wrong values."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgpack
import zstandard

from tests.helpers.hub import HubProcess
from tests.helpers.records import History, digest, pack

MSGPACK = "application/x-msgpack"
WAIT_S = 60.0


class PushClient:
    """One user's requests to one repository. Answers are (status, document)."""

    def __init__(
        self, hub: HubProcess, slug: str = "song", *, owner: str | None = None, token: str | None = None
    ) -> None:
        self.hub = hub
        self.url = hub.repository(slug, owner)
        headers = {"Accept": MSGPACK, "Content-Type": MSGPACK, "Authorization": f"Bearer {token or hub.token}"}
        if not hub.keeps_connections:
            headers["Connection"] = "close"
        self.http = httpx.Client(headers=headers, timeout=WAIT_S, trust_env=False, verify=False)

    def __enter__(self) -> PushClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.http.close()

    def get(self, path: str) -> httpx.Response:
        """GET below the repository, or of the hub itself for a path that begins with ``/``."""
        return self.http.get(self.hub.url + path if path.startswith("/") else f"{self.url}/{path}")

    def post(self, path: str, message: Any) -> tuple[int, Any]:
        """POST a msgpack message."""
        return read_answer(self.http.post(f"{self.url}/{path}", content=pack(message)))

    def post_bytes(self, path: str, body: bytes) -> tuple[int, Any]:
        """POST a body as it is."""
        return read_answer(self.http.post(f"{self.url}/{path}", content=body))

    def presign(self, wire: bytes, **fields: Any) -> tuple[int, Any]:
        """``push/bundle/presign`` for ``wire``."""
        return self.post("push/bundle/presign", {"bundle_id": digest(wire), "size_bytes": len(wire), **fields})

    def put(self, url: str, body: bytes, **headers: str) -> tuple[int, Any]:
        """PUT to a presigned URL, with no more than every HTTP library sends."""
        sent = {"Content-Type": "application/octet-stream", **headers}
        # There is no TLS here, and reading the certificates of the system takes longer than a push.
        return read_answer(httpx.put(url, content=body, headers=sent, timeout=WAIT_S, trust_env=False, verify=False))

    def upload(self, wire: bytes, **fields: Any) -> Any:
        """Presign and PUT, which must work; presign's answer."""
        status, answer = self.presign(wire, **fields)
        assert status == 200, answer
        if not answer["already_present"]:
            status, failure = self.put(answer["presigned_url"], wire, **answer["headers"])
            assert status == 200, failure
        return answer

    def confirm(self, wire: bytes, head: str, branch: str = "main", **fields: Any) -> tuple[int, Any]:
        """``push/bundle/confirm`` for ``wire``."""
        message = {"bundle_id": digest(wire), "branch": branch, "head": head, "force": False, **fields}
        return self.post("push/bundle/confirm", message)

    def push(self, history: History, branch: str = "main", wire: bytes | None = None, **fields: Any) -> tuple[int, Any]:
        """Presign, PUT and confirm all of a history; the answer of confirm."""
        wire = compress(pack(history.bundle())) if wire is None else wire
        upload = self.upload(wire)
        return self.confirm(wire, history.head, branch, upload_id=upload["upload_id"], **fields)

    def presign_objects(self, ids: Iterable[str], **fields: Any) -> tuple[int, Any]:
        """``push/presign`` for ``ids``."""
        return self.post("push/presign", {"object_ids": list(ids), **fields})

    def put_objects(self, contents: Mapping[str, bytes], **fields: Any) -> tuple[int, Any]:
        """Presign and PUT each of ``contents`` (id → bytes) that is not there: the first failure, or presign's answer.

        With S3 the failure is the store's own.
        """
        status, answer = self.presign_objects(contents, **fields)
        if status == 200:
            for object_id, url in answer["presigned"].items():
                sent = self.put(url, contents[object_id], **answer["headers"].get(object_id, {}))
                if sent[0] != 200:
                    return sent
        return status, answer

    def confirm_objects(
        self, history: History, branch: str = "main", ids: Iterable[str] | None = None, **fields: Any
    ) -> tuple[int, Any]:
        """``push/confirm`` for a history, of whose objects ``ids`` (default: all) are announced."""
        message = {
            "commits": history.commits,
            "snapshots": history.snapshots,
            "object_ids": list(history.contents if ids is None else ids),
            "branch": branch,
            "head": history.head,
            "force": False,
            **fields,
        }
        return self.post("push/confirm", message)

    def heads(self) -> dict[str, str]:
        """Where every branch is; none when there is no repository."""
        status, answer = read_answer(self.http.get(f"{self.url}/refs", headers={"Accept": "application/json"}))
        return dict(answer["branch_heads"]) if status == 200 else {}

    def read_object(self, object_id: str) -> bytes:
        """The bytes of an object, which must be readable."""
        response = self.get(f"/o/{object_id}")
        assert response.status_code == 200, response.content
        return response.content

    def wait_promoted(self) -> None:
        """Return once every push to the repository has been promoted."""
        wait_until(lambda: all(push["promotion"] == "done" for push in read_answer(self.get("pushes"))[1]["pushes"]))


def read_answer(response: httpx.Response) -> tuple[int, Any]:
    """Status and document (msgpack or JSON; None without a body) of an answer."""
    if not response.content:
        return response.status_code, None
    if response.headers["content-type"].startswith(MSGPACK):
        return response.status_code, msgpack.unpackb(response.content)
    return response.status_code, response.json()


def error_code(answer: Any) -> str:
    """The code of an error document."""
    return str(answer["error"]["code"])


def compress(raw: bytes) -> bytes:
    """One zstd frame."""
    return zstandard.ZstdCompressor(level=1).compress(raw)


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds; fail after a minute."""
    give_up = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.02)


def path_and_query(url: str) -> tuple[str, str]:
    """Path and query of a URL."""
    parts = urlsplit(url)
    return parts.path, parts.query
