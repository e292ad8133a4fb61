"""``/{owner}/{slug}/-/files/{commit}/{path}``: folders and files of a commit; ``/-/raw/…``: a file's bytes.

Text and pictures are shown; everything is given as a download, never as something a browser would run.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from museui.core.errors import Internal, NotFound
from museui.core.ids import ObjectId

from ..fetch.places import ObjectPlace, locate_objects
from ..index.history import CommitRow
from ..people.repositories import RepositoryRow
from ..routes.objects import FOREIGN_HEADERS, answer_object, read_object
from ..state import HubState, hub_of
from .branches import repository_page
from .commits import find_commit
from .manifest import Listing, iter_entries, list_folder, with_record
from .site import open_page_repository
from .text import plain_name

_TEXT_MAX_BYTES = 512 << 10
_PICTURE_MAX_BYTES = 16 << 20
_LINES = 5000
_ENTRIES = 300
_PICTURES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
"""Kinds a browser only ever paints; SVG is not one."""


async def show_path(request: Request) -> Response:
    """A folder, ``?after=`` for more of it, or a file."""
    hub = hub_of(request)
    repository = await open_page_repository(request)
    commit = await find_commit(request, repository)
    path = request.path_params.get("path", "")
    after = request.query_params.get("after", "")
    listing = await _look_up(hub, repository, commit, path, after)
    if listing.file is not None:
        return await _show_file(request, repository, commit, path, listing.file)
    async with hub.database.read() as connection:
        places = await locate_objects(connection, {object_id for _, object_id in listing.files})
    return await repository_page(
        request,
        repository,
        "folder.html",
        commit=commit,
        path=path,
        listing=listing,
        sizes={item: place.size_bytes for item, place in places.items()},
        after=after,
    )


async def _show_file(
    request: Request, repository: RepositoryRow, commit: CommitRow, path: str, object_id: ObjectId
) -> Response:
    hub = hub_of(request)
    place = await _locate(hub, object_id)
    text: str | None = None
    if place.size_bytes <= _TEXT_MAX_BYTES:
        text = _as_text(await read_object(hub, place, 0, place.size_bytes))
    lines = text.removesuffix("\n").split("\n", _LINES) if text else []
    return await repository_page(
        request,
        repository,
        "file.html",
        commit=commit,
        path=path,
        object_id=object_id,
        size_bytes=place.size_bytes,
        lines=[line.removesuffix("\r") for line in lines[:_LINES]] if text is not None else None,
        cut=len(lines) > _LINES,
        picture=text is None and _picture_type(path) is not None and place.size_bytes <= _PICTURE_MAX_BYTES,
        too_large=place.size_bytes > _TEXT_MAX_BYTES,
    )


async def get_raw(request: Request) -> Response:
    """The bytes of a file, to be kept; a picture may also be painted where a page shows it."""
    hub = hub_of(request)
    repository = await open_page_repository(request)
    commit = await find_commit(request, repository)
    path = request.path_params["path"]
    listing = await _look_up(hub, repository, commit, path, "")
    if listing.file is None:
        raise NotFound("there is no such file")
    name = quote(plain_name(path.rpartition("/")[2]), safe="")
    headers = {
        **FOREIGN_HEADERS,
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Cross-Origin-Resource-Policy": "same-origin",
        "ETag": f'"{listing.file}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Vary": "Cookie",
    }
    kind = _picture_type(path) or "application/octet-stream"
    return await answer_object(request, await _locate(hub, listing.file), headers, kind)


async def _look_up(hub: HubState, repository: RepositoryRow, commit: CommitRow, path: str, after: str) -> Listing:
    listing = await with_record(
        hub,
        repository.id,
        commit.snapshot_id,
        lambda record: list_folder(iter_entries(record), path, after, _ENTRIES),
    )
    if listing is None:
        raise NotFound("there is no such file or folder in this commit")
    return listing


async def _locate(hub: HubState, object_id: ObjectId) -> ObjectPlace:
    async with hub.database.read() as connection:
        place = (await locate_objects(connection, [object_id])).get(object_id)
    if place is None:
        raise Internal(f"the index has lost object {object_id}")
    return place


def _as_text(content: bytes) -> str | None:
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _picture_type(path: str) -> str | None:
    return _PICTURES.get(path.rpartition(".")[2].lower())
