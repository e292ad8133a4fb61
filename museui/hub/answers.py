"""Answers of a hub, of an object store, or of whatever answers in their place.

Nobody vouches for an answer: it is read as it comes, never unpacked, no longer than its kind may be, and what it would
become in memory is bounded before it is built. What it says of a failure is cut before anybody keeps or shows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from museui.core.decode import check_depth, decode_msgpack
from museui.core.errors import (
    Integrity,
    Invalid,
    MuseError,
    TooLarge,
    Unavailable,
    Unreachable,
    UploadExpired,
    error_from_code,
)
from museui.core.figures import render_bytes
from museui.core.printable import is_line

from .connection_failures import LINE_HINT, explain
from .connections import TIMEOUT
from .http import httpx
from .proxies import by_way
from .sending import Sending

MSGPACK = "application/x-msgpack"
REQUEST_ID = "x-request-id"
"""A header that every answer of a hub has, its errors too."""
NO_HUB_HINT = "Check the URL, and what proxies are in between."

_ERROR_BYTES = 64 << 10
"""Maximum of bytes that are read of an answer that is an error."""
_MAX_MESSAGE_CHARS = 1000
_MAX_DETAIL_CHARS = 500
_MAX_DETAILS = 20
"""Maximum number of entries of a list or a map in the details of an error."""
_MAX_DETAILS_CHARS = 4000
_MAX_ETAG_CHARS = 200
_CODE_OF_STORE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>").search


@dataclass(frozen=True, slots=True)
class Kind:
    """The limits of one kind of answer: its length, the time of each step, and of all of it after the request."""

    max_bytes: int
    timeout: httpx.Timeout
    answer_s: float


SHORT = Kind(256 << 10, TIMEOUT, 120.0)
LONG = Kind(16 << 20, TIMEOUT, 300.0)
"""A list: branches, tags, URLs for objects."""
CONFIRMED = Kind(256 << 10, httpx.Timeout(600.0, connect=10.0), 900.0)
"""The hub's answer after it has checked all that was sent."""
STORED = Kind(64 << 10, httpx.Timeout(60.0, connect=10.0), 120.0)
"""An object store's answer to an upload."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came. ``content`` is cut short when it says no at length."""

    host: str
    status: int
    headers: Mapping[str, str]
    content: bytes


async def read_answer(response: httpx.Response, url: str, max_bytes: int) -> Answer:
    """Read the whole answer. Raises :class:`Unreachable` or :class:`Integrity` for one that no hub gives."""
    host, status = urlsplit(url).netloc, response.status_code
    fails = status >= 300
    if coding := find_coding(response):
        if fails:
            return Answer(host, status, response.headers, b"")
        raise _unfit(response, host, f"is compressed ({coding!r:.40}), which was not asked for")
    limit = _ERROR_BYTES if fails else max_bytes
    content = bytearray()
    async for part in response.aiter_raw():
        content += part
        if len(content) > limit:
            if fails:
                break
            raise _unfit(response, host, f"is longer than {render_bytes(max_bytes)}")
    return Answer(host, status, response.headers, bytes(content[:limit]))


def find_coding(response: httpx.Response) -> str:
    """Return what ``response`` is compressed with; nothing when it is as it was asked for."""
    coding: str = response.headers.get("content-encoding", "").strip().lower()
    return "" if coding == "identity" else coding


def _unfit(response: httpx.Response, host: str, why: str) -> MuseError:
    """An answer that cannot be read. One that a hub signed will be the same the next time."""
    facts = {"host": host, "status": response.status_code}
    cls = Integrity if REQUEST_ID in response.headers else Unreachable
    return cls(f"the answer of {host} cannot be read: it {why}", hint=NO_HUB_HINT, details=facts)


def parse_answer(answer: Answer) -> tuple[Any, Mapping[str, str]]:
    """A hub's message and headers. Raises the error that was answered."""
    if answer.status >= 300:
        raise error_of(answer)
    try:
        message = _decode(answer.content)
    except TooLarge as exc:
        raise foreign(answer, f": {exc.message}") from exc
    except Invalid as exc:
        raise foreign(answer) from exc
    if not _is_signed(answer):
        raise foreign(answer)
    return message, answer.headers


def _decode(content: bytes) -> Any:
    message = decode_msgpack(content, "the answer")
    check_depth(message, "the answer")
    return message


def etag_of(headers: Mapping[str, str]) -> str:
    """Return what names the answer, empty for a name that nobody wants to keep."""
    etag = headers.get("etag", "")
    return etag if len(etag) <= _MAX_ETAG_CHARS else ""


def _is_signed(answer: Answer) -> bool:
    """Whether an answer that went well comes from a hub: each has a request id and is msgpack, as was asked for."""
    return REQUEST_ID in answer.headers and answer.headers.get("content-type", "").startswith(MSGPACK)


def foreign(answer: Answer, why: str = "") -> MuseError:
    """An answer that does not come from a hub says nothing about what was asked: it is worth another try.

    But for 413: what is in between takes no body of this size, and will not the next time.
    """
    status, host = answer.status, answer.host
    message, facts = f"HTTP {status} from {host}, and not from a hub", {"host": host, "status": status}
    if status == 413:
        advice = "A proxy in between limits the size of request bodies; raise its limit."
        return TooLarge(message, hint=advice, details=facts)
    if 300 <= status < 400:
        where = answer.headers.get("location", "elsewhere")
        advice = "No redirect is followed. If the hub has moved, put its new address in the remote."
        return Unreachable(f"{message}: it redirects to {where!r:.200}", hint=advice, details=facts)
    if status < 300:
        return Unreachable(f"what answers at {host} is not a hub (HTTP {status}){why}", hint=NO_HUB_HINT, details=facts)
    advice = "The request never reached the hub: look at the proxy or object store in between."
    return Unreachable(message, hint=advice, details=facts)


def refused_by_store(answer: Answer) -> MuseError:
    """An error of the object store that the hub has uploads sent to; 4xx is about the URL, which is asked for anew."""
    status, host = answer.status, answer.host
    if status == 413 or not 400 <= status < 600:
        return foreign(answer)
    found = _CODE_OF_STORE(answer.content)
    code = found[1].decode() if found else ""
    message = f"HTTP {status}{f' ({code})' if code else ''} from the object store at {host}"
    facts = {"host": host, "status": status}
    if code == "NoSuchBucket":
        return Unavailable(
            f"{message}: the bucket that the hub keeps everything in is gone",
            hint="Whoever runs the hub must bring the bucket back, or set the hub to the right one. "
            "What is here stays here and is sent then.",
            details=facts,
        )
    if status >= 500 or status in (408, 429):
        return Unavailable(message, hint="The object store, or a proxy before it, cannot answer now.", details=facts)
    advice = "The URL, this machine's clock, or a proxy in between may be at fault: `museui doctor` looks."
    return UploadExpired(message, hint=advice, details=facts)


def error_of(answer: Answer, by_others: Callable[[Answer], MuseError] = foreign) -> MuseError:
    """The error that a hub answered with; ``by_others`` says what the answer of somebody else comes to."""
    document: Any = None
    try:
        kind = answer.headers.get("content-type", "")
        document = _decode(answer.content) if kind.startswith(MSGPACK) else json.loads(answer.content)
    except (MuseError, ValueError, RecursionError):
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    request_id = answer.headers.get(REQUEST_ID)
    if request_id is None or not isinstance(error, dict):
        return by_others(answer)
    code, message, hint, details = (error.get(name) for name in ("code", "message", "hint", "details"))
    if not isinstance(code, str) or not isinstance(message, str):
        return by_others(answer)
    facts = {**_cut_details(details), "request_id": cut_text(request_id, 100)}
    retry_after = answer.headers.get("retry-after", "")
    if retry_after.isdecimal() and len(retry_after) < 10:
        facts.setdefault("retry_after_s", int(retry_after))
    return error_from_code(
        code, cut_text(message), cut_text(hint) if isinstance(hint, str) else "", facts, answer.status
    )


def cut_text(text: str, max_chars: int = _MAX_MESSAGE_CHARS) -> str:
    """Return foreign ``text`` as it may be kept and shown: on one line, not long, nothing in it that steers."""
    part = "".join(char if is_line(char) else " " for char in text[:max_chars])
    return part + "…" if len(text) > max_chars else part


def _cut_details(details: object) -> dict[str, Any]:
    """The details of an error as they may be kept: so many, and each so long."""
    kept: dict[str, Any] = {}
    room = _MAX_DETAILS_CHARS
    for name, value in list(details.items())[:_MAX_DETAILS] if isinstance(details, dict) else ():
        cut = _cut_value(value, 3)
        room -= len(repr(cut))
        if isinstance(name, str) and room >= 0:
            kept[cut_text(name, 60)] = cut
    return kept


def _cut_value(value: object, depth: int) -> Any:
    if isinstance(value, str):
        return cut_text(value, _MAX_DETAIL_CHARS)
    if isinstance(value, list) and depth:
        return [_cut_value(item, depth - 1) for item in value[:_MAX_DETAILS]]
    if isinstance(value, dict) and depth:
        pairs = list(value.items())[:_MAX_DETAILS]
        return {cut_text(name, 60): _cut_value(item, depth - 1) for name, item in pairs if isinstance(name, str)}
    if isinstance(value, float):
        return value if abs(value) < 1e300 else None  # JSON knows neither infinity nor what is no number
    return value if isinstance(value, int) and value.bit_length() < 64 else None


def line_failed(exc: httpx.TransportError | TimeoutError, url: str, sending: Sending, size: int | None) -> Unreachable:
    """Return the error for a failure of the line. ``size``: bytes of the upload, ``None`` when there is none.

    An upload that was cut says how far it came: whoever reads that the hub cannot be reached looks in the wrong place.
    """
    host = urlsplit(url).netloc
    facts: dict[str, Any] = {"host": host}
    if isinstance(exc, TimeoutError):
        return Unreachable(f"the answer of {host} takes too long", hint=LINE_HINT, details=facts)
    fault = explain(exc, url)
    if size is not None and sending.began:
        whole = render_bytes(size)
        if sending.sent_bytes is None:
            far = f"during an upload of {whole}"
        elif sending.ended:
            far = f"after all of {whole}, before it answered"
        else:
            far = f"after {render_bytes(sending.sent_bytes)} of {whole}"
        return Unreachable(
            f"{host} was reached, and the line was cut {far}: {fault.reason}",
            hint="The network is up. Something in between may limit how large an upload is, or how long it takes: "
            "a proxy, a firewall. `museui doctor` tries.",
            details={**facts, "sent_bytes": sending.sent_bytes, "size_bytes": size},
        )
    return Unreachable(
        f"cannot reach {host}{by_way(url)}: {fault.reason}",
        hint=fault.hint,
        details=facts,
    )
