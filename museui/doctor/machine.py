"""Checks of this machine that need no network: folders, configuration, identities, socket, watches, disk."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from museui.core.errors import MuseError, Usage
from museui.core.figures import render_count
from museui.local.messages import Check
from museui.local.places import Places, check_socket_path
from museui.repo.config import read_toml_text
from museui.repo.identity import identity_path, loose_mode, read_identities
from museui.settings.mistakes import find_mistakes

LIMIT_HINT = (
    "Raise the limit: sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512 "
    "(and in /etc/sysctl.d/ to keep it)."
)
_ROOM_BYTES = 512 << 20
_FOLDERS_EACH = 8
"""Estimated number of watched folders of one repository."""
_LIMITS = ("fs/inotify/max_user_watches", "user/max_inotify_watches")


def examine_machine(places: Places, spool: Path) -> list[Check]:
    """Return all checks of this machine that need no daemon. Blocks. ``spool``: folder in which packed bundles wait."""
    return [
        check_places(places, spool),
        check_configuration(places.config),
        check_identities(),
        check_socket(places.socket),
        check_disk(places.data),
    ]


def check_places(places: Places, spool: Path) -> Check:
    """Check that the folders MuseUI writes to are writable."""
    try:
        folders = [places.config.parent, places.data, places.runtime, spool, identity_path().parent]
    except MuseError as exc:
        return Check("places", False, exc.message, exc.hint)
    wrong = [str(folder) for folder in folders if not _can_write(folder)]
    if wrong:
        return Check("places", False, f"cannot be written: {', '.join(wrong)}", "Make them yours: chown, chmod, HOME.")
    return Check("places", True, "every folder of MuseUI's can be written")


def check_configuration(path: Path) -> Check:
    """Check ``config.toml``; the message has the first mistake and its line."""
    name = "configuration"
    try:
        mistakes = find_mistakes(read_toml_text(str(path)))
    except FileNotFoundError:
        return Check(name, True, f"there is no {path}: the defaults hold")
    except OSError as exc:
        return Check(name, False, f"{path} cannot be read: {exc.strerror}", "Make it yours: chown, chmod.")
    except MuseError as exc:
        return Check(name, False, f"{path}: {exc.message}", exc.hint or "Mend the file by hand.")
    if mistakes:
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        where = f"{path}:{mistakes[0].line}" if mistakes[0].line else str(path)
        return Check(name, False, f"{where}: {mistakes[0].message}{more}", "museui config validate shows all of it.")
    return Check(name, True, f"{path} is in order")


def check_identities() -> Check:
    """Check that the file of tokens can be read, and by its owner alone."""
    name = "identities"
    try:
        path = identity_path()
        count = len(read_identities(path))
    except MuseError as exc:
        return Check(name, False, exc.message, exc.hint)
    except OSError as exc:
        return Check(name, False, f"{path} cannot be read: {exc.strerror}", "Make it yours: chown, chmod.")
    if loose_mode(path):
        return Check(name, False, f"others can read or write {path}", f"chmod 600 {path}")
    return Check(name, True, f"signed in to {render_count(count, 'hub')}" if count else "signed in to no hub")


def check_socket(path: Path) -> Check:
    """Check that the daemon's socket can be made and that an existing one is for this user alone."""
    try:
        check_socket_path(path)
    except Usage as exc:
        return Check("socket", False, exc.message, exc.hint)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return Check("socket", True, "is not there: no daemon listens")
    if mode & 0o077:
        return Check("socket", False, f"others may use {path} (mode {mode:04o})", f"chmod 600 {path}")
    return Check("socket", True, "is for this user alone")


def check_disk(folder: Path) -> Check:
    """Check that there is room for queue, history and packed bundles."""
    free = shutil.disk_usage(_nearest(folder)).free
    if free < _ROOM_BYTES:
        return Check("disk", False, f"{free >> 20} MiB are free at {folder}", "Make room.")
    return Check("disk", True, f"{free >> 30} GiB are free")


def check_watch_limit(repositories: int, proc: Path = Path("/proc/sys")) -> Check:
    """Check that the system gives a daemon enough watches for ``repositories``."""
    limits = [int(text) for name in _LIMITS if (text := _read(proc / name)).isdigit()]
    if not limits:
        return Check("watching", True, "this system counts no watches")
    if min(limits) < _FOLDERS_EACH * (repositories + 1):
        many = render_count(repositories, "repository", "repositories")
        few = f"the system gives {min(limits)} watches, too few for {many}: polling would take their place"
        return Check("watching", False, few, LIMIT_HINT)
    return Check("watching", True, f"the system gives {min(limits)} watches")


def _can_write(folder: Path) -> bool:
    there = _nearest(folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _nearest(folder: Path) -> Path:
    """``folder``, or the nearest above it that there is."""
    return next((place for place in (folder, *folder.parents) if os.path.lexists(place)), Path("/"))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
