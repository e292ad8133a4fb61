"""Requests to a hub and to a repository on it. Every method is one request; retrying is the caller's business."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgpack

from museui.core import wire
from museui.core.addresses import Address, address_of, is_this_machine
from museui.core.errors import Integrity, Invalid, Unreachable, Usage
from museui.core.figures import render_bytes
from museui.core.ids import CommitId

from .answers import (
    CONFIRMED,
    LONG,
    MSGPACK,
    NO_HUB_HINT,
    REQUEST_ID,
    SHORT,
    STORED,
    Answer,
    Kind,
    cut_text,
    error_of,
    etag_of,
    find_coding,
    foreign,
    line_failed,
    parse_answer,
    read_answer,
    refused_by_store,
)
from .connections import Connections, MakeTransport
from .http import httpx
from .proxies import find_proxy
from .sending import Guard, Sending, peer_of
from .trust import HubTrust
from .uploads import UploadPolicy, check_headers
from .url import RepositoryUrl, check_token_may_travel

USER_AGENT = "museui"
_NO_TRUST = HubTrust()
_STEADY_S = 600.0
_STEADY_BYTES = 600 << 10
"""Minimum of bytes in that time, on the worst of lines: a sender of less could keep us waiting for ever."""
_BRANCHES_AT_ONCE = 10_000
_BRANCHES_BESIDE = 1000
_MAX_PAGES = 64
_MAX_BRANCHES = 200_000
"""Of one repository, on all pages together; far more than a hub lets one have."""
M = TypeVar("M")


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
        trust: HubTrust = _NO_TRUST,
        connections: Connections | None = None,
    ) -> None:
        """``base``: the hub's address; ``transport``: makes what carries requests, when it is not plainly the network.
        ``trust``: what a person allows this hub. ``connections`` are used instead of own ones, and not closed.

        Raises :class:`Usage` when ``token`` would travel in the clear.
        """
        self._base = self._root = base
        self._own = connections is None
        self._connections = connections or Connections(trust.ca, transport)
        host = urlsplit(base).hostname or ""
        self._address: Address | None = address_of("127.0.0.1" if is_this_machine(host) else host)
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
        return About(cut_text(name, 60), cut_text(version, 60), time_s)

    async def fetch_account(self) -> wire.Account:
        """``GET /user``: whose token this is."""
        return await self._request(wire.Account, "GET", "/user")

    async def fetch_storage(self) -> wire.Storage:
        """``GET /user/storage``: what one's repositories take there. Raises :class:`NotFound` from an older hub."""
        return await self._request(wire.Storage, "GET", "/user/storage", kind=LONG)

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
        return Integrity(f"{what}, or one of another version: {why}" if why else what, hint=NO_HUB_HINT)

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content: AsyncIterable[bytes] | bytes | None = None,
        size_bytes: int = 0,
        kind: Kind = SHORT,
    ) -> tuple[Any, Mapping[str, str]]:
        """The answer's message and headers. ``size_bytes``: of a ``content`` that is long."""
        url = f"{self._base}{path}" if path.startswith("/") else f"{self._root}/{path}"
        headers = dict(self._headers)
        if body is not None:
            content = msgpack.packb(body)
        if content is not None:
            headers["Content-Type"] = MSGPACK
        return parse_answer(await self._send(method, url, headers, content, kind, size_bytes=size_bytes or None))

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: AsyncIterable[bytes] | bytes | None,
        kind: Kind,
        *,
        size_bytes: int | None = None,
        secret: bool = False,
        guard: Guard | None = None,
    ) -> Answer:
        """Send it and read the answer. ``size_bytes``: of an upload, whose failure says how far it came."""
        self.requests += 1
        sending = Sending(kind.answer_s, guard)
        body = content if content is None or isinstance(content, bytes) else sending.count(content)
        try:
            async with (
                sending.deadline,
                self._connections.client(url, secret=secret).stream(
                    method,
                    url,
                    headers=headers,
                    content=body,
                    timeout=kind.timeout,
                    extensions={"trace": sending.trace},
                ) as response,
            ):
                if not secret:
                    self._note_address(response)
                return await read_answer(response, url, kind.max_bytes)
        except (httpx.TransportError, TimeoutError) as exc:
            raise line_failed(exc, url, sending, size_bytes) from exc
        except httpx.InvalidURL as exc:
            raise Usage(f"not a URL: {url!r:.200}") from exc

    def _note_address(self, response: httpx.Response) -> None:
        """Note where the hub is, as far as that can be seen: the other end of a proxy's line is the proxy."""
        if self._address is None and find_proxy(self._base) is None:
            self._address = peer_of(response.extensions.get("network_stream"))


class HubClient(HubLine):
    """A hub's repository. Use as an async context manager; the connection is kept between requests."""

    def __init__(
        self,
        url: RepositoryUrl,
        token: str | None,
        transport: MakeTransport | None = None,
        trust: HubTrust = _NO_TRUST,
        connections: Connections | None = None,
    ) -> None:
        """As :class:`HubLine`, for the repository at ``url``."""
        super().__init__(url.base, token, transport, trust, connections)
        self.url = url
        self._uploads = UploadPolicy(url.base, private_store=trust.private_store)
        self._root = str(url)

    async def fetch_refs(self, branch: str = "") -> wire.Refs:
        """``GET refs``: every branch; or ``branch``, if it is there, and no more of the others than one page."""
        refs, _ = await self.fetch_new_refs("", branch)
        assert refs
        return refs

    async def fetch_new_refs(self, etag: str, branch: str = "") -> tuple[wire.Refs | None, str]:
        """As :meth:`fetch_refs`, unless they are what ``etag`` names: ``None`` then; and what names them now."""
        query: dict[str, Any] = (
            {"limit": _BRANCHES_BESIDE, "branch": branch} if branch else {"limit": _BRANCHES_AT_ONCE}
        )
        unless = {"If-None-Match": etag} if etag else {}
        url = f"{self.url}/refs?{urlencode(query)}"
        response = await self._send("GET", url, {**self._headers, **unless}, None, LONG)
        if response.status == 304 and REQUEST_ID in response.headers:
            return None, etag
        message, answered = parse_answer(response)
        refs = self._parse(wire.Refs, message)
        if refs.next is None or branch:
            return refs, etag_of(answered)
        heads, after = dict(refs.branch_heads), refs.next
        asked = 1
        while after:
            asked += 1
            page = await self._request(wire.Refs, "GET", f"refs?{urlencode({**query, 'after': after})}", kind=LONG)
            heads |= page.branch_heads
            if page.next == after or asked > _MAX_PAGES or len(heads) > _MAX_BRANCHES:
                raise self._no_hub("its pages of branches do not end")
            after = page.next or ""
        return replace(refs, branch_heads=heads, next=None), ""  # nothing names all pages at once

    async def delete_branch(self, branch: str, head: CommitId) -> None:
        """``DELETE branches/{branch}``, which is at ``head``."""
        path = f"branches/{quote(branch, safe='/')}?{urlencode({'expected_head': head})}"
        await self._exchange("DELETE", path)

    async def negotiate(self, want: list[CommitId], have: list[CommitId]) -> wire.NegotiateAnswer:
        """One round of ``POST negotiate``."""
        body = wire.encode(wire.NegotiateRequest(have=have, want=want))
        return await self._request(wire.NegotiateAnswer, "POST", "negotiate", body, kind=LONG)

    async def presign(self, request: wire.PresignRequest, lease: bool) -> wire.PresignAnswer:
        """``POST push/bundle/presign``; ``lease``: whether ``expected_head`` is one."""
        body = wire.encode(request)
        if not lease:
            del body["expected_head"]
        return await self._request(wire.PresignAnswer, "POST", "push/bundle/presign", body)

    async def confirm(self, request: wire.ConfirmRequest, target: wire.PushTarget) -> wire.PushAnswer:
        """``POST push/bundle/confirm``."""
        body = {**wire.encode_target(target), **wire.encode(request)}
        return await self._request(wire.PushAnswer, "POST", "push/bundle/confirm", body, kind=CONFIRMED)

    async def presign_objects(self, request: wire.ObjectsPresignRequest) -> wire.ObjectsPresignAnswer:
        """``POST push/presign``."""
        body = wire.encode(request)
        return await self._request(wire.ObjectsPresignAnswer, "POST", "push/presign", body, kind=LONG)

    async def confirm_objects(self, body: AsyncIterable[bytes], size_bytes: int) -> wire.PushAnswer:
        """``POST push/confirm``; the body holds the records and the target."""
        return await self._upload("push/confirm", body, size_bytes)

    async def push_stream(self, body: AsyncIterable[bytes] | bytes, size_bytes: int) -> wire.PushAnswer:
        """``POST push/stream`` with a body made by :func:`museui.core.stream.write_stream`."""
        return await self._upload("push/stream", body, size_bytes)

    async def _upload(self, path: str, body: AsyncIterable[bytes] | bytes, size_bytes: int) -> wire.PushAnswer:
        return await self._request(wire.PushAnswer, "POST", path, content=body, size_bytes=size_bytes, kind=CONFIRMED)

    async def put(
        self, url: str, headers: Mapping[str, str], size_bytes: int, body: AsyncIterable[bytes] | bytes
    ) -> None:
        """Upload to a presigned URL: one HTTP/1.1 request, no token, no redirect.

        Raises :class:`~museui.core.errors.Denied` for a URL or a header that no honest hub gives, and what the store
        answered: :class:`UploadExpired` when the URL is no longer good.
        """
        check_headers(headers)
        guard = self._uploads.guard(url, self._address)
        if guard and urlsplit(url).scheme == "https" and find_proxy(url):
            guard = None  # what is behind the proxy is the proxy's to say
        by_hub = url.startswith(f"{self._base}/")
        sent = {"Content-Type": "application/octet-stream", **headers, "Content-Length": str(size_bytes)}
        try:
            answer = await self._send("PUT", url, sent, body, STORED, size_bytes=size_bytes, secret=True, guard=guard)
        except Unreachable as exc:
            if not by_hub:
                host = exc.details["host"]
                exc.message = exc.message.replace(host, f"the object store at {host}", 1)
                if "size_bytes" not in exc.details:
                    exc.hint = (
                        f"The hub answers and has uploads sent there. Check that {host} runs and can be reached from "
                        "here; whoever runs the hub sets the address (--s3-public-endpoint)."
                    )
            raise
        if answer.status == 412:
            return  # S3 with If-None-Match: the bytes are there already
        if answer.status >= 300:
            raise error_of(answer, foreign if by_hub else refused_by_store)
        if by_hub and REQUEST_ID not in answer.headers:
            raise foreign(answer)

    async def fetch_tags(self) -> list[dict[str, Any]]:
        """``GET tags``: the records of all tags."""
        answer = await self._exchange("GET", "tags", kind=LONG)
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
        return cut_text(str(push.get("promotion")), 60) if isinstance(push, dict) else ""

    async def delete_repository(self) -> None:
        """``DELETE`` the repository, with all that is in it."""
        response = await self._send("DELETE", str(self.url), self._headers, None, SHORT)
        if response.status >= 300:
            raise error_of(response)

    @asynccontextmanager
    async def fetch(self, want: list[CommitId], have: list[CommitId]) -> AsyncIterator[AsyncIterator[bytes]]:
        """``POST fetch``: the compressed bundle as it streams in."""
        body = wire.encode(wire.FetchRequest(want=want, have=have))
        headers = {**self._headers, "Accept": "application/zstd", "Content-Type": MSGPACK}
        url = f"{self.url}/fetch"
        self.requests += 1
        sending = Sending(CONFIRMED.answer_s)
        try:
            async with (
                sending.deadline,
                self._connections.client(url).stream(
                    "POST",
                    url,
                    headers=headers,
                    content=msgpack.packb(body),
                    timeout=CONFIRMED.timeout,
                    extensions={"trace": sending.trace},
                ) as response,
            ):
                if response.status_code >= 300 or REQUEST_ID not in response.headers or find_coding(response):
                    raise error_of(await read_answer(response, url, 0))
                sending.deadline.reschedule(None)
                yield _steadily(response.aiter_raw(1 << 18), self.url.host)
        except (httpx.TransportError, TimeoutError) as exc:
            raise line_failed(exc, url, sending, None) from exc


async def _steadily(pieces: AsyncIterator[bytes], host: str) -> AsyncIterator[bytes]:
    """``pieces`` as they come. Raises :class:`Unreachable` when next to nothing comes for long."""
    due_s, came = time.monotonic() + _STEADY_S, 0
    async for piece in pieces:
        came += len(piece)
        if (now_s := time.monotonic()) > due_s:
            if came < _STEADY_BYTES:
                raise Unreachable(
                    f"{host} sends next to nothing: {render_bytes(came)} in {_STEADY_S:.0f} s",
                    hint="Try again later, or on another network.",
                    details={"host": host},
                )
            due_s, came = now_s + _STEADY_S, 0
        yield piece
