"""The folder a hub lives in: ``hub.sqlite3``, ``store/`` and the lock that keeps a second server out."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from museui.core.errors import Busy, Usage

from .config import DATABASE_NAME, LOCK_NAME, HubSettings
from .store.mark import KEY as MARK
from .store.s3_settings import MINIO_KEYS_NAME

WAYS_OUT = (
    "Put the right database back from a backup and start again (without -wal and -shm files of another one beside it); "
    "or choose another --data for a new hub; or run 'museui hub adopt', which reads back from the store what it can "
    "verify."
)
_WORKER = re.compile(r"[0-9a-f]{32}").fullmatch


def command(verb: str, data_dir: Path) -> str:
    """Return a command line for the hub in ``data_dir``, as hints show it: one that can be pasted."""
    return f"museui hub {verb} --data {shlex.quote(str(data_dir))}"


def create_data_folder(data_dir: Path) -> None:
    """Make the folder, for its owner alone, when it is missing. Raises :class:`Usage` when that cannot be."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise Usage(f"cannot make the folder {str(data_dir)!r}: {exc.strerror}", hint="Choose another --data.") from exc


def require_data_folder(data_dir: Path) -> None:
    """Raise :class:`Usage` unless there is a hub in the folder."""
    require_no_orphans(HubSettings(data_dir))
    if not (data_dir / DATABASE_NAME).is_file():
        raise Usage(
            f"there is no hub in {str(data_dir)!r}",
            hint="Name the folder that your hub is served from: with --data DIR, or in MUSEUI_HUB_DATA.",
        )


def require_one_database(settings: HubSettings) -> None:
    """Raise :class:`Usage` when the folder has a hub on SQLite and the settings name another database."""
    if settings.database and (settings.data_dir / DATABASE_NAME).is_file():
        raise Usage(
            f"the hub in {str(settings.data_dir)!r} has its database there, and nothing is copied to another one",
            hint="Choose another --data for the hub on PostgreSQL, or leave --database out.",
        )


def require_no_orphans(settings: HubSettings) -> None:
    """Raise :class:`Usage` when the folder keeps what a hub has stored, and not the database that speaks of it."""
    path = settings.data_dir / DATABASE_NAME
    if settings.database or (path.is_file() and path.stat().st_size):
        return
    mark = settings.store_dir / MARK
    stored = (settings.store_dir / name for name in ("bundles", "objects"))
    if (
        mark.exists()
        or any(item.is_file() for folder in stored for item in folder.rglob("*"))
        or (settings.data_dir / MINIO_KEYS_NAME).exists()
    ):
        raise Usage(
            f"the database {str(path)!r} is missing or empty, and the folder keeps what a hub has stored",
            hint=WAYS_OUT,
        )


@contextmanager
def locked_data_folder(data_dir: Path) -> Iterator[None]:
    """Hold the folder for this process alone. Raises :class:`Busy` when another hub serves it."""
    try:
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise Usage(f"cannot write in {str(data_dir)!r}: {exc.strerror}", hint="Choose another --data.") from exc
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise Busy(
                f"another hub serves the folder {str(data_dir)!r}", hint="Stop it first, or choose another --data."
            ) from exc
        yield
    finally:
        os.close(descriptor)


def ensure_worker_name(data_dir: Path) -> str:
    """What the hub on this folder calls itself before other hubs, the same at each start; for whoever holds the folder.

    It stands in the lock file, so that a hub that died can free at its next start what it had taken.
    Raises :class:`Usage` when that cannot be written.
    """
    path = data_dir / LOCK_NAME
    try:
        name = path.read_text(errors="replace") if path.exists() else ""
        if not _WORKER(name):
            name = secrets.token_hex(16)
            path.write_text(name)
    except OSError as exc:
        raise Usage(f"cannot write in {str(data_dir)!r}: {exc.strerror}", hint="Choose another --data.") from exc
    return name
