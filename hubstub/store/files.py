"""The embedded object store: a folder.

``staging/``, ``bundles/`` and ``objects/ab/…`` hold what the keys say; ``tmp/`` what is being written.  A file gets
its name by a rename or a link once it is whole, and is never written again; so a hard link is a copy that nobody can
change, and a stored bundle costs no second writing of its bytes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import partial
from io import FileIO
from pathlib import Path
from typing import TypeVar

from museui.core.errors import NotFound, Unavailable, UploadExpired

from .keys import (
    BUNDLES,
    OBJECTS,
    PROBE_BYTES,
    READ_BYTES,
    STAGING,
    Entry,
    PutTarget,
    UploadSpec,
    put_headers,
    staging_key,
)
from .measured import measured
from .signing import UrlSigner

T = TypeVar("T")


class FileStore:
    """An :class:`~hubstub.store.base.ObjectStore` in the folder ``root``; its presigned URLs lead to the hub itself."""

    hub_serves_urls = True

    def __init__(self, root: Path, secret: bytes) -> None:
        """Makes the folders. ``secret`` signs URLs. Raises :class:`Unavailable` when the folder cannot be written."""
        self._root = root
        self._tmp = root / "tmp"
        self.signer = UrlSigner(secret)
        with _store_errors():
            for name in ("tmp", STAGING, BUNDLES, OBJECTS):
                (root / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    async def check(self) -> None:
        """See :meth:`ObjectStore.check`."""
        await _in_thread(self._write_probe)

    def _write_probe(self) -> None:
        path = self._tmp_path()
        try:
            path.write_bytes(bytes(PROBE_BYTES))
        finally:
            path.unlink(missing_ok=True)

    async def recover(self) -> None:
        """See :meth:`ObjectStore.recover`."""
        await _in_thread(lambda: _remove(self._tmp.iterdir()))

    async def presign_put(self, upload: UploadSpec, hub_url: str) -> PutTarget:
        """See :meth:`ObjectStore.presign_put`. :meth:`accept` is the other end."""
        url = f"{hub_url}/{staging_key(upload.upload_id)}?{self.signer.sign_put(upload)}"
        return PutTarget(url, put_headers(upload))

    async def presign_get(self, object_id: str, expires_at: int, hub_url: str, reader: str) -> str:
        """See :meth:`ObjectStore.presign_get`."""
        return f"{hub_url}/o/{object_id}?{self.signer.sign_get(object_id, expires_at, reader)}"

    @measured
    async def accept(self, upload_id: str, path: Path) -> None:
        """Take the local file ``path`` as the bytes of an upload.

        Once: raises :class:`UploadExpired` the second time.
        """
        await _in_thread(lambda: self._link_new(path, self._path(staging_key(upload_id))))

    def _link_new(self, path: Path, target: Path) -> None:
        try:
            os.link(path, target)
        except FileExistsError as exc:
            raise UploadExpired("this URL has taken its bytes already", hint="Presign again.") from exc

    @measured
    async def stat(self, key: str) -> Entry | None:
        """See :meth:`ObjectStore.stat`."""
        return await _in_thread(lambda: _stat(self._path(key), key))

    def read(self, key: str, offset: int = 0, size: int | None = None, version: str | None = None) -> Iterator[bytes]:
        """See :meth:`ObjectStore.read`."""
        with _store_errors(), self._open(key) as file:
            if version is not None and _version(os.fstat(file.fileno())) != version:
                raise NotFound(f"what was stored as {key} has been replaced")
            file.seek(offset)
            left = size if size is not None else 1 << 62
            while left and (piece := file.read(min(READ_BYTES, left))):
                left -= len(piece)
                yield piece

    def _open(self, key: str) -> FileIO:
        try:
            return self._path(key).open("rb", buffering=0)
        except FileNotFoundError as exc:
            raise NotFound(f"nothing is stored as {key}") from exc

    @measured
    async def flush(self, key: str) -> None:
        """Begin to make what lies under ``key`` durable, so that :meth:`adopt` has less to do. Changes nothing."""
        await _in_thread(lambda: _sync_if_there(self._path(key)))

    @measured
    async def adopt(self, source: str, version: str, key: str) -> None:
        """Store the bytes of ``source`` under ``key`` as well, without writing them again.

        Sound because nothing here is ever written a second time: ``version`` is what was read.  Raises
        :class:`NotFound` when ``source`` is gone or is not ``version`` any more.
        """
        await _in_thread(lambda: self._adopt(source, version, self._path(key)))

    def _adopt(self, source: str, version: str, target: Path) -> None:
        try:
            os.link(self._path(source), target)
        except FileNotFoundError as exc:
            raise NotFound(f"nothing is stored as {source}") from exc
        if _version(target.stat()) != version:
            target.unlink()
            raise NotFound(f"what was stored as {source} has been replaced")
        self._settle([target])

    @measured
    async def put(self, items: Sequence[tuple[str, bytes]]) -> None:
        """See :meth:`ObjectStore.put`. One pass of syncing for the whole group."""
        await _in_thread(lambda: self._put(items))

    def _put(self, items: Sequence[tuple[str, bytes]]) -> None:
        written: list[tuple[Path, Path]] = []
        try:
            for key, content in items:
                target = self._path(key)
                temporary = self._tmp / f"{secrets.token_hex(16)}-{target.name}"
                written.append((temporary, target))
                temporary.write_bytes(content)
            for temporary, _ in written:
                _sync(temporary)
            for temporary, target in written:
                self._ensure_folder(target.parent)
                temporary.replace(target)
        except BaseException:
            for temporary, _ in written:
                temporary.unlink(missing_ok=True)
            raise
        for folder in {target.parent for _, target in written}:
            _sync(folder)

    @measured
    async def put_new(self, key: str, content: bytes) -> bool:
        """See :meth:`ObjectStore.put_new`."""
        return await _in_thread(lambda: self._put_new(self._path(key), content))

    def _put_new(self, target: Path, content: bytes) -> bool:
        temporary = self._tmp_path()
        try:
            temporary.write_bytes(content)
            _sync(temporary)
            os.link(temporary, target)
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        self._settle([target])
        return True

    @measured
    async def put_file(self, key: str, path: Path) -> None:
        """See :meth:`ObjectStore.put_file`. On one file system this is a link."""
        await _in_thread(lambda: self._put_file(self._path(key), path))

    def _put_file(self, target: Path, path: Path) -> None:
        temporary = self._tmp_path()
        try:
            try:
                os.link(path, temporary)
            except OSError as exc:
                if exc.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                    raise
                shutil.copyfile(path, temporary)
            self._ensure_folder(target.parent)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        self._settle([target])

    @measured
    async def delete(self, keys: Sequence[str]) -> None:
        """See :meth:`ObjectStore.delete`."""
        await _in_thread(lambda: _remove(self._path(key) for key in keys))

    async def list(self, prefix: str, first: str = "", last: str | None = None) -> AsyncIterator[Entry]:
        """See :meth:`ObjectStore.list`."""

        def wanted(key: str) -> bool:
            return key.startswith(prefix) and first <= key and (last is None or key <= last)

        folders = await _in_thread(lambda: self._folders_of(prefix))
        for folder in folders:
            for entry in await _in_thread(partial(self._entries, folder, wanted)):
                yield entry

    def _folders_of(self, prefix: str) -> Iterable[Path]:
        top, _, folder = prefix.partition("/")
        root = self._root / top
        if "/" in folder:
            below = root / folder.partition("/")[0]
            return [below] if below.is_dir() else []
        return [root, *(Path(item) for item in os.scandir(root) if item.is_dir())]

    def _entries(self, folder: Path, wanted: Callable[[str], bool]) -> Iterable[Entry]:
        found: list[Entry] = []
        for item in os.scandir(folder):
            key = str(Path(item.path).relative_to(self._root))
            if wanted(key) and item.is_file(follow_symlinks=False):
                entry = _stat(Path(item.path), key)
                if entry:
                    found.append(entry)
        return found

    def _path(self, key: str) -> Path:
        return self._root / key

    def _tmp_path(self) -> Path:
        return self._tmp / secrets.token_hex(16)

    def _ensure_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
            _sync(folder.parent)

    def _settle(self, targets: Iterable[Path]) -> None:
        for target in targets:
            _sync(target)
            _sync(target.parent)


async def _in_thread(call: Callable[[], T]) -> T:
    with _store_errors():
        return await asyncio.to_thread(call)


class _store_errors:
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        if isinstance(exc, OSError):
            why = exc.strerror or type(exc).__name__
            raise Unavailable(f"the hub's object store cannot answer: {why}", hint="Try again in a moment.") from exc


def _stat(path: Path, key: str) -> Entry | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return Entry(key, status.st_size, _version(status), status.st_mtime)


def _version(status: os.stat_result) -> str:
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _sync_if_there(path: Path) -> None:
    try:
        _sync(path)
    except FileNotFoundError:
        return
