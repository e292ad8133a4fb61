"""Reading files that somebody else may be writing, or may have made to trap us.

What is read is a regular file of bounded size, or there is an error with the file's name: never a wait for a FIFO,
never a whole disk in memory, never a record that lies behind a symbolic link.
"""

from __future__ import annotations

import errno
import os
import stat

from ..core.errors import Denied, Integrity, MuseError, Unavailable, Usage

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NO_PLACE = (errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)


def read_file(path: str, max_bytes: int, *, follow: bool = False) -> bytes:
    """The bytes of the regular file ``path``.

    Raises :class:`FileNotFoundError` when there is none (a folder on the way that is a file counts as none),
    :class:`Integrity` when it is no regular file, larger than ``max_bytes`` or damaged, and :class:`Denied`.
    ``follow`` allows a symbolic link at the end of the path.
    """
    try:
        descriptor = os.open(path, _OPEN if follow else _OPEN | os.O_NOFOLLOW)
    except OSError as exc:
        raise _open_error(exc, path) from exc
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Integrity(f"{path} is {kind_of_file(status.st_mode)}, not a file", details={"path": path})
        size = status.st_size
        if size > max_bytes:
            raise Integrity(
                f"{path} has {size} bytes, more than the {max_bytes} such a file may have", details={"path": path}
            )
        content = os.read(descriptor, size + 1)
        if len(content) != size:
            content = _read_rest(descriptor, content, max_bytes)
        return content
    except OSError as exc:
        raise disk_error(exc, f"cannot read {path}") from exc
    finally:
        os.close(descriptor)


def _read_rest(descriptor: int, content: bytes, max_bytes: int) -> bytes:
    parts = [content]
    while len(content) <= max_bytes and (part := os.read(descriptor, 1 << 20)):
        parts.append(part)
        max_bytes -= len(part)
    return b"".join(parts)


def _open_error(exc: OSError, path: str) -> Exception:
    if exc.errno in (errno.ENOENT, errno.ENOTDIR):
        return FileNotFoundError(errno.ENOENT, "no such file", path)
    if exc.errno == errno.ELOOP:
        return Integrity(f"{path} is a symbolic link, not a file", details={"path": path})
    if exc.errno == errno.ENXIO:
        return Integrity(f"{path} is a socket, not a file", details={"path": path})
    return disk_error(exc, f"cannot read {path}")


def list_names(folder: str) -> list[str]:
    """The names in ``folder``, in no order; none when it is not there. Raises our errors."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as exc:
        raise disk_error(exc, f"cannot list {folder}") from exc


def kind_of_file(mode: int) -> str:
    """What a file is, by its ``st_mode``, in words."""
    for test, words in (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISLNK, "a symbolic link"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISREG, "a file"),
    ):
        if test(mode):
            return words
    return "a device"


def disk_error(exc: OSError, doing: str) -> MuseError:
    """An operating-system error as one of ours. ``doing`` says what failed, with the path."""
    reason = exc.strerror or str(exc)
    message = f"{doing}: {reason}"
    if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Denied(message, hint="Look at the owner and the mode of the file and its folder.")
    if exc.errno in _NO_ROOM:
        return Unavailable(message, hint="Make room on the disk and try again; nothing is half-written.")
    if exc.errno in _NO_PLACE:
        return Usage(message, hint="Choose another place, or a shorter name.")
    return Integrity(message) if exc.errno == errno.EIO else Unavailable(message)
