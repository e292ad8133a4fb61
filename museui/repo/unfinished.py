"""What was begun with the work tree and is not whole: a small file in ``.muse``, from before the first change to after
the last.

While it is there, the work tree may be a mixture of two snapshots, which nobody must commit.  The Muse client knows
nothing of the file and is not disturbed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..core.errors import Integrity, Invalid, MuseError, Unavailable
from ..core.ids import CommitId, parse_id
from ..core.names import check_branch
from .atomic import remove_file, write_file
from .files import read_file
from .records import decode_record, encode_record
from .repository import Repository

NOTE = "museui-unfinished.json"
_MAX_NOTE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Unfinished:
    """``old`` → ``new``: the commits whose files the work tree is between.

    ``old`` is ``None`` for no files, ``new`` for a clone that has not come to its files. ``url`` is that of a clone.
    ``modes``: the permissions of files that are removed on the way.
    """

    doing: Literal["clone", "pull"]
    branch: str
    old: CommitId | None = None
    new: CommitId | None = None
    url: str = ""
    modes: Mapping[str, int] = field(default_factory=dict)


def encode_unfinished(note: Unfinished) -> bytes:
    """Return the content of the file."""
    record = {"doing": note.doing, "branch": note.branch, "old": note.old, "new": note.new, "url": note.url}
    return encode_record({**record, "modes": dict(note.modes)})


def write_unfinished(repository: Repository, note: Unfinished) -> None:
    """Write it; it is on the disk when this returns. Raises our errors."""
    write_file(_path(repository), encode_unfinished(note))


def forget_unfinished(repository: Repository) -> None:
    """Remove it. One that comes back after a power cut does no harm: the branch says that it is whole."""
    remove_file(_path(repository))


def is_noted(repository: Repository) -> bool:
    """Whether there is such a file, whatever it says."""
    return os.path.lexists(_path(repository))


def read_unfinished(repository: Repository) -> Unfinished | None:
    """Return what is not whole, ``None`` when all is, or when another program has moved HEAD or the branch since.

    Raises :class:`Integrity` when the file makes no sense.
    """
    path = _path(repository)
    try:
        note = _parse(decode_record(read_file(path, _MAX_NOTE_BYTES), path), path)
    except FileNotFoundError:
        return None
    if note.doing == "clone" and note.new is None:
        return note
    if repository.current_branch() != note.branch or repository.refs.read_branch(note.branch) != note.old:
        return None
    return note


def _parse(record: Mapping[str, Any], path: str) -> Unfinished:
    try:
        old, new = (CommitId(parse_id(record[name], name)) if record.get(name) else None for name in ("old", "new"))
        doing, url, modes = record.get("doing"), record.get("url", ""), record.get("modes", {})
        modes_fit = isinstance(modes, dict) and all(isinstance(mode, int) for mode in modes.values())
        if doing not in ("clone", "pull") or not isinstance(url, str) or not modes_fit or (doing == "pull" and not new):
            raise Invalid("it does not say what was begun")
        return Unfinished(doing, check_branch(record.get("branch")), old, new, url, modes)
    except Invalid as exc:
        raise Integrity(
            f"{path} is damaged: {exc.message}",
            hint="It says which files were being written when it was cut off. Look at the work tree, then remove it.",
            details={"path": path},
        ) from exc


def describe_unfinished(repository: Repository, note: Unfinished) -> MuseError:
    """Return the words for whoever finds it."""
    details: dict[str, Any] = {"doing": note.doing, "branch": note.branch, "old": note.old, "new": note.new}
    if note.doing == "clone":
        return Unavailable(
            f"the clone of {note.url} into {repository.root} is unfinished: it was cut off",
            hint=f"Finish it: museui clone {note.url} {repository.root}",
            details={**details, "rule": "unfinished", "url": note.url},
        )
    return Unavailable(
        f"the files of {note.branch!r} are between {_short(note.old)} and {_short(note.new)}: a pull was cut off",
        hint="Finish it: museui pull. Until then nothing is committed.",
        details={**details, "rule": "unfinished"},
    )


def find_unfinished(repository: Repository) -> Iterator[MuseError]:
    """Yield why the work tree is not whole, if it is not. Raises :class:`Integrity`."""
    if note := read_unfinished(repository):
        yield describe_unfinished(repository, note)


def _short(commit_id: CommitId | None) -> str:
    return commit_id[:12] if commit_id else "nothing"


def _path(repository: Repository) -> str:
    return f"{repository.muse}/{NOTE}"
