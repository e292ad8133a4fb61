"""``PUT /staging/{upload}``: the other end of the embedded store's presigned URLs, under the rules S3 would enforce."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from starlette.requests import Request

from museui.core.errors import Integrity, Invalid, TooLarge, Unavailable, UploadExpired
from museui.core.failpoints import failpoint
from museui.core.ids import qualified
from museui.core.limits import Limits

from ..arrivals.spool import Spool, Spooled
from ..arrivals.uploads import read_upload_state
from ..http.bodies import body_chunks, declared_size
from ..push.verify import Contents, read_contents
from ..state import HubState, hub_of
from ..store.files import FileStore
from ..store.keys import UploadSpec, put_headers, staging_key

_TRIES_AT_ONCE = 3


async def take_upload(request: Request, store: FileStore, spool: Spool) -> str:
    """Take the body as the bytes of the upload that the URL names, all of it or nothing; its staging key.

    Raises :class:`~museui.core.errors.Denied` for a URL that was not signed here, :class:`UploadExpired` for one whose
    time is over or that was used, :class:`Invalid`, :class:`TooLarge` or :class:`Integrity` for a body that is not
    the one that was announced.
    """
    hub = hub_of(request)
    spec = store.signer.check_put(request.path_params["upload_id"], request.query_params, hub.now())
    size_bytes = _check_headers(request, spec, hub.settings.limits)
    await _require_usable(hub, spec)
    bound = _AtOnce(spec.upload_id, size_bytes)

    def read(pieces: Callable[[], Iterator[bytes]]) -> Contents:
        limits, folder = hub.settings.limits, hub.settings.spool_dir
        return read_contents(pieces, size_bytes, limits, expected_sha256=spec.sha256, folder=folder)

    with hub.desk.arrivals.hold([bound]) as held:
        held.announce(size_bytes)
        async with (
            hub.desk.early.beside(spec.upload_id, size_bytes, read) as arriving,
            spool.receive(body_chunks(request, size_bytes), arriving) as arrived,
        ):
            _check_arrived(arrived, size_bytes, spec.sha256, "bundle")
            async with hub.desk.alone(spec.upload_id):
                if not await _require_usable(hub, spec):
                    await store.accept(spec.upload_id, arrived.path)
    failpoint("staging.received")
    return staging_key(spec.upload_id)


async def take_object(request: Request, store: FileStore, spool: Spool) -> None:
    """Take the body as the one object that the URL names. Again, when it comes again: it is the same bytes.

    Raises as :func:`take_upload` does, but for a URL that was used.
    """
    hub = hub_of(request)
    spec = store.signer.check_put(request.path_params["upload_id"], request.query_params, hub.now())
    size_bytes = _check_headers(request, spec, hub.settings.limits)
    with hub.desk.arrivals.hold([_AtOnce(spec.upload_id, size_bytes)]) as held:
        held.announce(size_bytes)
        async with spool.receive(body_chunks(request, size_bytes)) as arrived:
            _check_arrived(arrived, size_bytes, spec.sha256, "object")
            with contextlib.suppress(UploadExpired):
                await store.accept(spec.upload_id, arrived.path)


@dataclass(frozen=True, slots=True)
class _AtOnce:
    """The bodies that are arriving for one upload: another try may begin before the one that broke off has ended."""

    key: str
    size_bytes: int

    def require(self, asked_bytes: int, held_bytes: int = 0) -> None:
        if held_bytes + asked_bytes > _TRIES_AT_ONCE * self.size_bytes:
            raise Unavailable("these bytes are arriving already", hint="Wait until that has ended.")


def _check_arrived(arrived: Spooled, size_bytes: int, sha256: str, kind: str) -> None:
    if arrived.size_bytes != size_bytes:
        raise Invalid(f"{arrived.size_bytes} bytes came, not {size_bytes}")
    if arrived.sha256 != sha256:
        raise Integrity(
            f"the bytes are not those of {kind} {qualified(sha256)}",
            hint="They changed on the way, or the wrong file was sent. Send it again.",
            details={"rule": f"{kind}_id", f"{kind}_id": qualified(sha256), "actual": qualified(arrived.sha256)},
        )


def _check_headers(request: Request, spec: UploadSpec, limits: Limits) -> int:
    """How many bytes will come."""
    size = declared_size(request)
    if size is None:
        raise Invalid("Content-Length is missing", hint="Send the body with its length, not in chunks.")
    if spec.size_bytes is None:
        if size > limits.max_object_bytes:
            raise TooLarge(f"Content-Length is {size}, an object may have {limits.max_object_bytes} bytes")
    elif size != spec.size_bytes:
        message = f"Content-Length is {size}, the URL is for {spec.size_bytes} bytes"
        raise (TooLarge if size > spec.size_bytes else Invalid)(message, hint="Presign again with the right size.")
    for name, value in put_headers(spec).items():
        if request.headers.get(name) != value:
            raise Invalid(
                f"header {name} is missing or not {value!r}",
                hint="Send the headers that presign answered.",
                details={"header": name},
            )
    return size


async def _require_usable(hub: HubState, spec: UploadSpec) -> bool:
    """Whether the bytes are there already, which only a URL that was given out knowing it may find."""
    async with hub.database.read() as connection:
        state = await read_upload_state(connection, spec.upload_id)
    arrived = await hub.store.stat(staging_key(spec.upload_id)) is not None
    if state != "open" or (arrived and not spec.present):
        raise UploadExpired("this URL has been used", hint="Presign again: it says whether the bytes are there.")
    return arrived
