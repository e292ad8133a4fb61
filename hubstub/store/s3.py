"""The object store on S3-compatible servers: one bucket, one prefix, the keys of :mod:`hubstub.store.keys` below it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from museui.core.errors import NotFound, Usage

from .keys import PROBE_BYTES, READ_BYTES, Entry, PutTarget, UploadSpec, object_key, put_headers, staging_key
from .measured import measured
from .s3_errors import s3_errors
from .s3_presign import Presigner
from .s3_settings import S3Settings
from .signing import UrlSigner

if TYPE_CHECKING:
    import obstore.store
    from obstore import GetOptions
    from obstore.store import ClientConfig

_PUTS_AT_ONCE = 32
_STREAM_BYTES = 256 << 10
_PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 4
_PRESIGN_MAX_S = 7 * 24 * 3600
_CONNECT_S = timedelta(seconds=5)
_STILL_S = timedelta(seconds=30)
_WHOLE_S = timedelta(hours=6)
_RETRIES = 3
_RETRY_S = timedelta(seconds=10)
_FIRST_RETRY_S = timedelta(milliseconds=100)
_LAST_RETRY_S = timedelta(seconds=2)


class S3Store:
    """An :class:`~hubstub.store.base.ObjectStore`; uploads go straight to the server, the hub never sees them pass.

    Raises :class:`Usage` when the certificate file cannot be read.
    """

    def __init__(self, settings: S3Settings, secret: bytes) -> None:
        self.settings = settings
        self.signer = UrlSigner(secret)
        self.pins_headers = True
        """Whether the store takes uploads with a signed digest and If-None-Match; the probe finds out."""
        self._store = _connect(settings)
        public = settings.public_endpoint or settings.endpoint
        self._uploads = Presigner(settings, public, settings.staging)
        self._downloads = Presigner(settings, public, settings.reading) if settings.reading else None

    @property
    def hub_serves_urls(self) -> bool:
        """See :meth:`ObjectStore.hub_serves_urls`."""
        return self._downloads is None

    async def check(self) -> None:
        """See :meth:`ObjectStore.check`."""
        key = staging_key("check-" + secrets.token_hex(8))
        await self.put([(key, bytes(PROBE_BYTES))])
        await self.delete([key])

    async def recover(self) -> None:
        """Nothing to do: what was not completed is under no key, and the server forgets it by itself."""

    async def presign_put(self, upload: UploadSpec, hub_url: str) -> PutTarget:
        """See :meth:`ObjectStore.presign_put`. The length is signed when known; what else, when it was promised."""
        headers = put_headers(upload) if self.pins_headers else {}
        length = {} if upload.size_bytes is None else {"Content-Length": str(upload.size_bytes)}
        signed = {**headers, **length}
        url = self._uploads.sign("PUT", staging_key(upload.upload_id), _ttl_s(upload.expires_at), signed)
        return PutTarget(url, headers)

    async def presign_get(self, object_id: str, expires_at: int, hub_url: str, reader: str) -> str:
        """See :meth:`ObjectStore.presign_get`."""
        if self._downloads is None:
            return f"{hub_url}/o/{object_id}?{self.signer.sign_get(object_id, expires_at, reader)}"
        return self._downloads.sign("GET", object_key(object_id), _ttl_s(expires_at))

    @measured
    async def stat(self, key: str) -> Entry | None:
        """See :meth:`ObjectStore.stat`."""
        import obstore

        try:
            with s3_errors(key):
                meta = await obstore.head_async(self._store, self._path(key))
        except NotFound:
            return None
        return self._entry(meta)

    def read(self, key: str, offset: int = 0, size: int | None = None, version: str | None = None) -> Iterator[bytes]:
        """See :meth:`ObjectStore.read`. One request, whose answer is of one version whatever comes after it."""
        import obstore
        from obstore.exceptions import GenericError

        options: GetOptions = {"if_match": version} if version is not None else {}
        if size is not None:
            options["range"] = (offset, offset + max(size, 1))
        elif offset:
            options["range"] = {"offset": offset}
        with s3_errors(key):
            try:
                pieces = obstore.get(self._store, self._path(key), options=options).stream(_STREAM_BYTES)
            except GenericError:
                if offset >= obstore.head(self._store, self._path(key))["size"]:
                    return  # a range behind the end is refused; here it is empty
                raise
            if size == 0:
                return
            for piece in pieces:
                for at in range(0, len(piece), READ_BYTES):
                    yield bytes(piece[at : at + READ_BYTES])

    @measured
    async def put(self, items: Sequence[tuple[str, bytes]]) -> None:
        """See :meth:`ObjectStore.put`. Some of them at a time."""
        import obstore

        waiting = iter(items)

        async def put_some() -> None:
            for key, content in waiting:
                await obstore.put_async(self._store, self._path(key), content, use_multipart=False)

        with s3_errors():
            await _all(put_some() for _ in range(min(_PUTS_AT_ONCE, len(items))))

    @measured
    async def put_new(self, key: str, content: bytes) -> bool:
        """See :meth:`ObjectStore.put_new`."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, GenericError, NotSupportedError

        with s3_errors(key):
            try:
                await obstore.put_async(self._store, self._path(key), content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
            except (GenericError, NotSupportedError):  # a store that cannot do this in one step, or has a bad moment
                if await self.stat(key) is not None:
                    return False
                await self.put([(key, content)])
        return True

    @measured
    async def put_file(self, key: str, path: Path) -> None:
        """See :meth:`ObjectStore.put_file`. In parts when it is long; it appears when all are there."""
        import obstore

        with s3_errors(key):
            await obstore.put_async(
                self._store, self._path(key), path, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE
            )

    @measured
    async def delete(self, keys: Sequence[str]) -> None:
        """See :meth:`ObjectStore.delete`."""
        import obstore

        with s3_errors():
            await obstore.delete_async(self._store, [self._path(key) for key in keys])

    async def list(self, prefix: str, first: str = "", last: str | None = None) -> AsyncIterator[Entry]:
        """See :meth:`ObjectStore.list`. The server lists keys in their order, so nothing outside the range is read."""
        import obstore

        folder = prefix.rpartition("/")[0]
        before = self._path(first[:-1]) if first else None  # an offset is not listed itself
        with s3_errors():
            async for metas in obstore.list(self._store, self._path(folder), offset=before):
                for meta in metas:
                    entry = self._entry(meta)
                    if last is not None and entry.key > last:
                        return
                    if entry.key.startswith(prefix) and entry.key >= first:
                        yield entry

    def _path(self, key: str) -> str:
        return self.settings.prefix + key

    def _entry(self, meta: obstore.ObjectMeta) -> Entry:
        key = meta["path"].removeprefix(self.settings.prefix)
        return Entry(key, meta["size"], meta["e_tag"] or "", meta["last_modified"].timestamp())


def _connect(settings: S3Settings) -> obstore.store.S3Store:
    from obstore.store import S3Store as Client

    return Client(
        settings.bucket,
        endpoint=settings.bucket_url(settings.endpoint) if settings.virtual_host else settings.endpoint,
        region=settings.region,
        access_key_id=settings.credential.access_key,
        secret_access_key=settings.credential.secret_key,
        virtual_hosted_style_request=settings.virtual_host,
        checksum_algorithm="SHA256",
        client_options=_client_options(settings),
        retry_config={
            "max_retries": _RETRIES,
            "retry_timeout": _RETRY_S,
            "backoff": {"init_backoff": _FIRST_RETRY_S, "max_backoff": _LAST_RETRY_S},
        },
    )


def _client_options(settings: S3Settings) -> ClientConfig:
    options: ClientConfig = {
        "allow_http": settings.endpoint.startswith("http:"),
        "connect_timeout": _CONNECT_S,
        "read_timeout": _STILL_S,
        "timeout": _WHOLE_S,
    }
    if settings.goes_direct:
        # A proxy that is named here goes before those of the environment, and one that carries nothing is none.
        options["proxy_url"], options["proxy_excludes"] = "http://127.0.0.1:9", "*,0.0.0.0/0,::/0"
    if settings.ca_file is not None:
        try:
            options["root_certificate"] = settings.ca_file.read_bytes()
        except OSError as exc:
            raise Usage(f"cannot read the certificate {str(settings.ca_file)!r}: {exc.strerror}") from exc
    return options


def _ttl_s(expires_at: int) -> int:
    return min(max(expires_at - int(time.time()), 1), _PRESIGN_MAX_S)


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all; when one fails, the others are ended before its failure is told."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
