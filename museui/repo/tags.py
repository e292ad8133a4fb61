"""Tags: named commits, one JSON file each below ``tags/<repo_id>/``."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.errors import Integrity, MuseError
from .atomic import write_file
from .files import list_names, read_file
from .records import Tag, decode_record, encode_record, parse_tag

_MAX_TAG_BYTES = 1 << 20


def tag_paths(muse: str) -> Iterator[str]:
    """The file of every tag, in the order of their paths."""
    for folder in sorted(list_names(f"{muse}/tags")):
        for name in sorted(list_names(f"{muse}/tags/{folder}")):
            if name.endswith(".json") and not name.startswith("."):
                yield f"{muse}/tags/{folder}/{name}"


def read_tag(path: str) -> Tag | None:
    """The tag in one file, ``None`` when it has just gone. Raises :class:`Integrity` naming the file."""
    try:
        record = decode_record(read_file(path, _MAX_TAG_BYTES), path)
    except FileNotFoundError:
        return None
    try:
        return parse_tag(record)
    except MuseError as exc:
        raise Integrity(f"{path} is damaged: {exc.message}", hint=exc.hint, details={"path": path}) from exc


class Tags(list[Tag]):
    """Every tag that can be read. ``faults`` says of every other file what is wrong with it."""

    faults: tuple[MuseError, ...] = ()


def read_tags(muse: str) -> Tags:
    """Return every tag."""
    tags, faults = Tags(), list[MuseError]()
    for path in tag_paths(muse):
        try:
            if tag := read_tag(path):
                tags.append(tag)
        except MuseError as exc:
            faults.append(exc)
    tags.faults = tuple(faults)
    return tags


def has_tag(muse: str, tag: Tag) -> bool:
    """Return whether there is a tag of this id whose file can be read, whatever commit it names."""
    try:
        return read_tag(_path(muse, tag)) is not None
    except MuseError:
        return False


def write_tag(muse: str, tag: Tag) -> None:
    """Write a tag's file, in place of an older one of the same id."""
    write_file(_path(muse, tag), encode_record(tag.fields))


def _path(muse: str, tag: Tag) -> str:
    return f"{muse}/tags/{tag.repo_id}/{tag.id}.json"
