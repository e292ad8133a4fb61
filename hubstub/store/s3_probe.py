"""Whether a store does what it must, and which of the rules for uploads it holds itself.

Run at the start, with the same presigned URLs that clients get.  What the store lets pass, confirm finds anyway: it
trusts nothing in the staging area.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from museui.core.errors import MuseError, NotFound, Unavailable, Usage
from museui.core.ids import hash_object

from ..log import log_facts
from .keys import PROBE, UploadSpec, bundle_key, put_headers, staging_key
from .s3 import S3Store
from .s3_presign import Presigner

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger("hubstub.store")
_CONTENT = b"written by a hub to see whether this store works"
_TTL_S = 60
_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Findings:
    """Which uploads the store refuses by itself."""

    length: bool
    digest: bool
    once: bool
    elsewhere: bool
    """What the staging key must not do: write outside the staging area, or read it."""

    def names(self, held: bool) -> str:
        """The rules that the store holds (or does not), for the log."""
        found = [name for name in ("length", "digest", "once", "elsewhere") if getattr(self, name) is held]
        return ",".join(found) or "nothing"


async def probe_store(store: S3Store) -> Findings:
    """Try the store, tell the log what it enforces, and have ``store`` ask of clients only what works.

    Raises :class:`Usage` when a key is refused, :class:`Unavailable` when the store does not answer.
    """
    upload_id = PROBE + secrets.token_hex(8)
    keys = [staging_key(upload_id), bundle_key(upload_id)]
    try:
        findings = await _try(store, upload_id)
    finally:
        await _clean_up(store, keys)
    settings = store.settings
    log_facts(
        _log,
        "object store",
        endpoint=settings.endpoint,
        public=settings.public_endpoint or settings.endpoint,
        bucket=settings.bucket,
        enforces=findings.names(True),
        checked_by_the_hub_alone=findings.names(False),
    )
    if not findings.elsewhere:
        _log.warning("the staging key can do more than put into staging/: 'museui hub minio-setup --print' shows less")
    return findings


async def _try(store: S3Store, upload_id: str) -> Findings:
    import httpx

    settings = store.settings
    spec = UploadSpec(upload_id, len(_CONTENT), hash_object(_CONTENT), int(time.time()) + _TTL_S, put_headers=True)
    key = staging_key(upload_id)
    signer = Presigner(settings, settings.endpoint, settings.staging)
    headers = put_headers(spec)
    length = {"Content-Length": str(spec.size_bytes)}
    pinned = signer.sign("PUT", key, _TTL_S, {**headers, **length})
    plain = signer.sign("PUT", key, _TTL_S, length)
    verify = _ssl_context(store)
    direct = settings.goes_direct
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, verify=verify, trust_env=not direct) as client:
        other = bytes(reversed(_CONTENT))
        digest = not await _put(client, pinned, other, headers)
        await store.delete([key])
        store.pins_headers = await _put(client, pinned, _CONTENT, headers)
        if not store.pins_headers:
            await _require(client, plain)
        await _check_reading(store, key)
        once = store.pins_headers and not await _put(client, pinned, _CONTENT, headers)
        longer = not await _put(client, plain, _CONTENT + b"!", {})
        shorter = not await _put(client, plain, _CONTENT[:-1], {})
        await _require(client, plain)
        outside = await _put(client, signer.sign("PUT", bundle_key(upload_id), _TTL_S), _CONTENT, {})
        readable = await _answers(client, "GET", signer.sign("GET", key, _TTL_S))
    return Findings(
        length=longer and shorter,
        digest=store.pins_headers and digest,
        once=once,
        elsewhere=not outside and not readable,
    )


async def _check_reading(store: S3Store, key: str) -> None:
    """Raise :class:`Usage` unless the hub's own key reads what the staging key has put, whole and in part."""
    for offset, size in ((0, None), (8, 5)):
        wanted = _CONTENT[offset : None if size is None else offset + size]
        try:
            found = await asyncio.to_thread(lambda o=offset, s=size: b"".join(store.read(key, o, s)))  # type: ignore[misc]
        except NotFound:
            found = b""
        if found != wanted:
            raise Usage(
                "the object store does not give back what was put into it",
                hint="Do --s3-endpoint and the keys belong to the same store and bucket?",
            )


async def _require(client: httpx.AsyncClient, url: str) -> None:
    """Raise :class:`Usage` unless an upload such as every client makes is taken."""
    if not await _put(client, url, _CONTENT, {}):
        raise Usage(
            "the object store refuses an upload with the staging key",
            hint="Check staging key, bucket, region and clock; 'museui hub minio-setup' mends what is there.",
        )


async def _put(client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str]) -> bool:
    return await _answers(client, "PUT", url, body, headers)


async def _answers(
    client: httpx.AsyncClient, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bool:
    """Whether the store does it. Raises :class:`Unavailable` when it does not answer."""
    import httpx

    try:
        async with client.stream(method, url, content=body or None, headers=dict(headers or {})) as response:
            pass  # its status says it all: what else the store says is not read
    except httpx.TransportError as exc:
        raise Unavailable(
            f"the object store does not answer: {type(exc).__name__}", hint="Is it running, and --s3-endpoint right?"
        ) from exc
    if response.status_code >= 500:
        raise Unavailable(f"the object store answers {response.status_code}", hint="Try again in a moment.")
    return response.is_success


async def _clean_up(store: S3Store, keys: list[str]) -> None:
    try:
        await store.delete(keys)
    except MuseError:
        _log.warning("what the probe wrote may be left over: %s", ", ".join(keys))


def _ssl_context(store: S3Store) -> ssl.SSLContext | bool:
    import httpx

    ca_file = store.settings.ca_file
    if ca_file:
        return ssl.create_default_context(cafile=str(ca_file))
    return httpx.create_ssl_context() if store.settings.endpoint.startswith("https:") else True
