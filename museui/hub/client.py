"""Requests to a hub and to a repository on it. Every method is one request; retrying is the caller's business."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import msgpack

from museui.core import wire
from museui.core.errors import (
    Integrity,
    Invalid,
    MuseError,
    TooLarge,
    Unavailable,
    Unreachable,
    UploadExpired,
    Usage,
    error_from_code,
)
from museui.core.ids import CommitId

from .connections import TIMEOUT, Connections, MakeTransport
from .http import httpx
from .proxies import by_way
from .trust import CERTIFICATE_HINT, LINE_HINT, is_distrusted
from .unsent import keep_little_unsent
from .url import RepositoryUrl, check_token_may_travel

MSGPACK = "application/x-msgpack"
REQUEST_ID = "x-request-id"
"""A header that every answer of a hub has, its errors too."""
USER_AGENT = "museui"
_NO_HUB_HINT = "Check the URL, and what proxies are in between."
_MAX_ANSWER_BYTES = 16 << 20
M = TypeVar("M")
_CONFIRM_TIMEOUT = httpx.Timeout(600.0, connect=10.0)


@dataclass(frozen=True, slots=True)
class _Answer:
    host: str
    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class About:
    """What answers at a hub's address; ``time_s`` is its clock, in seconds since 1970, ``None``: it does not say."""

    name: str
    version: str
    time_s: float | None


class HubLine:
    """A hub, as one who has a token there sees it. Use as an async context manager; the connection is kept."""

    def __init__(
        self,
        base: str,
        token: str | None,
        transport: MakeTransport | None = None,
        ca: str | None = None,
        connections: Connections | None = None,
    ) -> None:
        """``base``: the hub's address; ``transport``: makes what carries requests, when it is not plainly the network.
        ``ca``: a file of certificates to trust beside the system's, there and where the hub has uploads sent.
        ``connections`` are used instead of own ones, and not closed.

        Raises :class:`Usage` when ``token`` would travel in the clear.
        """
        self._base = self._root = base
        self._own = connections is None
        self._connections = connections or Connections(ca, transport)
        self.requests = 0
        """Requests sent so far, uploads included."""
        self.has_token = bool(token)
        if token:
            check_token_may_travel(base)
        self._headers = {"Accept": MSGPACK, "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own:
            await self._connections.close()

    async def fetch_about(self) -> About:
        """``GET /version``: what answers there, and what time it has. It needs no token."""
        answer, headers = await self._ask("GET", "/version")
        facts = [answer.get(name) for name in ("name", "version")] if isinstance(answer, dict) else []
        name, version = facts if facts and all(isinstance(fact, str) for fact in facts) else (None, None)
        if name is None or version is None:
            raise self._no_hub()
        try:
            time_s = parsedate_to_datetime(headers.get("date", "")).timestamp()
        except ValueError:
            time_s = None
        return About(name, version, time_s)

    async def fetch_account(self) -> wire.Account:
        """``GET /user``: whose token this is."""
        return await self._request(wire.Account, "GET", "/user")

    async def fetch_storage(self) -> wire.Storage:
        """``GET /user/storage``: what one's repositories take there. Raises :class:`NotFound` from an older hub."""
        return await self._request(wire.Storage, "GET", "/user/storage")

    async def enrol_key(self, key: wire.EnrolKey) -> None:
        """``POST /user/keys``: the key is one's own from now on."""
        await self._exchange("POST", "/user/keys", wire.encode(key))

    async def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None = None, **options: Any) -> Any:
        return (await self._ask(method, path, body, **options))[0]

    async def _request(
        self, message: type[M], method: str, path: str, body: Mapping[str, Any] | None = None, **options: Any
    ) -> M:
        """The answer as the ``message`` it must be."""
        return self._parse(message, await self._exchange(method, path, body, **options))

    def _parse(self, message: type[M], answer: object) -> M:
        try:
            return wire.parse(message, answer)
        except Invalid as exc:
            raise self._no_hub(exc.message) from exc

    def _no_hub(self, why: str = "") -> Integrity:
        what = f"what answers at {self._base} is not a hub"
        return Integrity(f"{what}, or one of another version: {why}" if why else what, hint=_NO_HUB_HINT)

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content: AsyncIterable[bytes] | bytes | None = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> tuple[Any, Mapping[str, str]]:
        """The answer's message and headers."""
        url = f"{self._base}{path}" if path.startswith("/") else f"{self._root}/{path}"
        headers = dict(self._headers)
        if body is not None:
            content = msgpack.packb(body)
        if content is not None:
            headers["Content-Type"] = MSGPACK
        return _parse_answer(await self._send(method, url, headers, content, timeout))

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: AsyncIterable[bytes] | bytes | None,
        timeout: httpx.Timeout,
        *,
        secret: bool = False,
    ) -> _Answer:
        self.requests += 1
        try:
            async with self._connections.client(url, secret=secret).stream(
                method, url, headers=headers, content=content, timeout=timeout, extensions={"trace": keep_little_unsent}
            ) as response:
                return await _read_answer(response, url)
        except httpx.TransportError as exc:
            raise _line_failed(exc, url) from exc
        except httpx.InvalidURL as exc:
            raise Usage(f"not a URL: {url!r:.200}") from exc


class HubClient(HubLine):
    """A hub's repository. Use as an async context manager; the connection is kept between requests."""

    def __init__(
        self,
        url: RepositoryUrl,
        token: str | None,
        transport: MakeTransport | None = None,
        ca: str | None = None,
        connections: Connections | None = None,
    ) -> None:
        """As :class:`HubLine`, for the repository at ``url``."""
        super().__init__(url.base, token, transport, ca, connections)
        self.url = url
        self._root = str(url)

    async def fetch_refs(self) -> wire.Refs:
        """``GET refs``."""
        return await self._request(wire.Refs, "GET", "refs")

    async def fetch_new_refs(self, etag: str) -> tuple[wire.Refs | None, str]:
        """``GET refs``, unless they are what ``etag`` names: ``None`` then; and what names them now."""
        unless = {"If-None-Match": etag} if etag else {}
        response = await self._send("GET", f"{self.url}/refs", {**self._headers, **unless}, None, TIMEOUT)
        if response.status == 304 and REQUEST_ID in response.headers:
            return None, etag
        message, answered = _parse_answer(response)
        return self._parse(wire.Refs, message), answered.get("etag", "")

    async def negotiate(self, want: list[CommitId], have: list[CommitId]) -> wire.NegotiateAnswer:
        """One round of ``POST negotiate``."""
        body = wire.encode(wire.NegotiateRequest(have=have, want=want))
        return await self._request(wire.NegotiateAnswer, "POST", "negotiate", body)

    async def presign(self, request: wire.PresignRequest, lease: bool) -> wire.PresignAnswer:
        """``POST push/bundle/presign``; ``lease``: whether ``expected_head`` is one."""
        body = wire.encode(request)
        if not lease:
            del body["expected_head"]
        return await self._request(wire.PresignAnswer, "POST", "push/bundle/presign", body)

    async def confirm(self, request: wire.ConfirmRequest, target: wire.PushTarget) -> wire.PushAnswer:
        """``POST push/bundle/confirm``."""
        body = {**wire.encode_target(target), **wire.encode(request)}
        return await self._request(wire.PushAnswer, "POST", "push/bundle/confirm", body, timeout=_CONFIRM_TIMEOUT)

    async def presign_objects(self, request: wire.ObjectsPresignRequest) -> wire.ObjectsPresignAnswer:
        """``POST push/presign``."""
        return await self._request(wire.ObjectsPresignAnswer, "POST", "push/presign", wire.encode(request))

    async def confirm_objects(self, body: AsyncIterable[bytes]) -> wire.PushAnswer:
        """``POST push/confirm``; the body holds the records and the target."""
        return await self._request(wire.PushAnswer, "POST", "push/confirm", content=body, timeout=_CONFIRM_TIMEOUT)

    async def push_stream(self, body: AsyncIterable[bytes] | bytes) -> wire.PushAnswer:
        """``POST push/stream`` with a body made by :func:`museui.core.stream.write_stream`."""
        return await self._request(wire.PushAnswer, "POST", "push/stream", content=body, timeout=_CONFIRM_TIMEOUT)

    async def put(
        self, url: str, headers: Mapping[str, str], size_bytes: int, body: AsyncIterable[bytes] | bytes
    ) -> None:
        """Upload to a presigned URL: one HTTP/1.1 request, no token, no redirect.

        Raises what the store answered: :class:`~museui.core.errors.UploadExpired` when the URL is no longer good.
        """
        sent = {"Content-Type": "application/octet-stream", **headers, "Content-Length": str(size_bytes)}
        response = await self._send("PUT", url, sent, body, httpx.Timeout(60.0, connect=10.0), secret=True)
        if response.status == 412:
            return  # S3 with If-None-Match: the bytes are there already
        by_hub = url.startswith(f"{self._base}/")
        if response.status >= 300:
            raise _error_of(response, _foreign if by_hub else _refused_by_store)
        if by_hub and REQUEST_ID not in response.headers:
            raise _foreign(response)

    async def fetch_tags(self) -> list[dict[str, Any]]:
        """``GET tags``: the records of all tags."""
        answer = await self._exchange("GET", "tags")
        tags = answer.get("tags") if isinstance(answer, dict) else None
        if not isinstance(tags, list) or not all(isinstance(record, dict) for record in tags):
            raise self._no_hub("there is no list of tags")
        return tags

    async def store_tags(self, records: list[bytes]) -> int:
        """``POST tags`` with packed records; how many were new or other than before."""
        pack = msgpack.Packer(autoreset=True)
        head = pack.pack_map_header(1) + pack.pack("tags") + pack.pack_array_header(len(records))
        answer = await self._exchange("POST", "tags", content=head + b"".join(records))
        stored = answer.get("stored") if isinstance(answer, dict) else None
        if not isinstance(stored, int):
            raise self._no_hub("it does not say how many tags it stored")
        return stored

    async def fetch_promotion(self, push_id: str) -> str:
        """What ``GET pushes/{push_id}`` says of its promotion: ``pending`` while the hub works at it."""
        push = await self._exchange("GET", f"pushes/{push_id}")
        return str(push.get("promotion")) if isinstance(push, dict) else ""

    async def delete_repository(self) -> None:
        """``DELETE`` the repository, with all that is in it."""
        response = await self._send("DELETE", str(self.url), self._headers, None, TIMEOUT)
        if response.status >= 300:
            raise _error_of(response)

    @asynccontextmanager
    async def fetch(self, want: list[CommitId], have: list[CommitId]) -> AsyncIterator[AsyncIterator[bytes]]:
        """``POST fetch``: the compressed bundle as it streams in."""
        body = wire.encode(wire.FetchRequest(want=want, have=have))
        headers = {**self._headers, "Accept": "application/zstd", "Content-Type": MSGPACK}
        url = f"{self.url}/fetch"
        self.requests += 1
        try:
            async with self._connections.client(url).stream(
                "POST", url, headers=headers, content=msgpack.packb(body), timeout=_CONFIRM_TIMEOUT
            ) as response:
                if response.status_code >= 300 or REQUEST_ID not in response.headers:
                    raise _error_of(await _read_answer(response, url))
                yield response.aiter_raw(1 << 18)
        except httpx.TransportError as exc:
            raise _line_failed(exc, url) from exc


async def _read_answer(response: httpx.Response, url: str) -> _Answer:
    host = urlsplit(url).netloc
    parts: list[bytes] = []
    size = 0
    try:
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > _MAX_ANSWER_BYTES:
                raise Invalid(f"the answer of {host} is longer than {_MAX_ANSWER_BYTES} bytes")
    except httpx.DecodingError as exc:
        facts = {"host": host, "status": response.status_code}
        raise Unreachable(f"the answer of {host} cannot be read: {exc}", hint=_NO_HUB_HINT, details=facts) from exc
    return _Answer(host, response.status_code, response.headers, b"".join(parts))


def _line_failed(exc: httpx.TransportError, url: str) -> Unreachable:
    host = urlsplit(url).netloc
    reasons: dict[type[Exception], str] = {
        httpx.ConnectTimeout: "it does not answer",
        httpx.ReadTimeout: "it stopped answering",
        httpx.WriteTimeout: "it stopped taking data",
    }
    reason = reasons.get(type(exc)) or str(exc) or type(exc).__name__
    return Unreachable(
        f"cannot reach {host}{by_way(url)}: {reason}",
        hint=CERTIFICATE_HINT if is_distrusted(reason) else LINE_HINT,
        details={"host": host},
    )


def _parse_answer(response: _Answer) -> tuple[Any, Mapping[str, str]]:
    """A hub's message and headers. Raises the error that was answered."""
    if response.status >= 300:
        raise _error_of(response)
    try:
        message = msgpack.unpackb(response.content)
    except (ValueError, RecursionError, msgpack.UnpackException) as exc:
        raise _foreign(response) from exc
    if not _is_signed(response):
        raise _foreign(response)
    return message, response.headers


def _is_signed(response: _Answer) -> bool:
    """Whether an answer that went well comes from a hub: each has a request id and is msgpack, as was asked for."""
    return REQUEST_ID in response.headers and response.headers.get("content-type", "").startswith(MSGPACK)


def _foreign(response: _Answer) -> MuseError:
    """An answer that does not come from a hub says nothing about what was asked: it is worth another try.

    But for 413: what is in between takes no body of this size, and will not the next time.
    """
    status, host = response.status, response.host
    message, facts = f"HTTP {status} from {host}, and not from a hub", {"host": host, "status": status}
    if status == 413:
        advice = "A proxy in between limits the size of request bodies; raise its limit."
        return TooLarge(message, hint=advice, details=facts)
    if 300 <= status < 400:
        where = response.headers.get("location", "elsewhere")
        advice = "No redirect is followed. If the hub has moved, put its new address in the remote."
        return Unreachable(f"{message}: it redirects to {where!r:.200}", hint=advice, details=facts)
    if status < 300:
        return Unreachable(f"what answers at {host} is not a hub (HTTP {status})", hint=_NO_HUB_HINT, details=facts)
    advice = "The request never reached the hub: look at the proxy or object store in between."
    return Unreachable(message, hint=advice, details=facts)


def _refused_by_store(response: _Answer) -> MuseError:
    """An error of the object store that the hub has uploads sent to; 4xx is about the URL, which is asked for anew."""
    status, host = response.status, response.host
    message, facts = f"HTTP {status} from the object store at {host}", {"host": host, "status": status}
    if status == 413 or not 400 <= status < 600:
        return _foreign(response)
    if status >= 500 or status in (408, 429):
        return Unavailable(message, hint="The object store, or a proxy before it, cannot answer now.", details=facts)
    advice = "The URL, this machine's clock, or a proxy in between may be at fault: `museui doctor` looks."
    return UploadExpired(message, hint=advice, details=facts)


def _error_of(response: _Answer, foreign: Callable[[_Answer], MuseError] = _foreign) -> MuseError:
    """The error that a hub answered with; ``foreign`` says what the answer of somebody else comes to."""
    document: Any = None
    try:
        kind = response.headers.get("content-type", "")
        document = msgpack.unpackb(response.content) if kind.startswith(MSGPACK) else json.loads(response.content)
    except (ValueError, RecursionError, msgpack.UnpackException):
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    request_id = response.headers.get(REQUEST_ID)
    if request_id is None or not isinstance(error, dict):
        return foreign(response)
    code, message, hint, details = (error.get(name) for name in ("code", "message", "hint", "details"))
    if not isinstance(code, str) or not isinstance(message, str):
        return foreign(response)
    facts = {**(details if isinstance(details, dict) else {}), "request_id": request_id}
    retry_after = response.headers.get("retry-after", "")
    if retry_after.isdecimal() and len(retry_after) < 10:
        facts.setdefault("retry_after_s", int(retry_after))
    return error_from_code(code, message, hint if isinstance(hint, str) else "", facts, response.status)
