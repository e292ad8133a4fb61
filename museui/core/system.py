"""What the operating system refuses, in our words: for the edges, where nobody else has made a better error of it."""

from __future__ import annotations

import errno

from .errors import MuseError, Unavailable, Usage, shown

_PASSES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM})
_HINTS = {
    errno.EACCES: "It must be yours to read and to write: 'ls -ld' shows whose it is.",
    errno.EPERM: "It must be yours to read and to write: 'ls -ld' shows whose it is.",
    errno.EROFS: "It is on a disk that is only read; HOME says where MuseUI keeps its own files.",
    errno.ENOSPC: "Make room on that disk.",
    errno.EDQUOT: "Make room: your share of that disk is used up.",
    errno.EFBIG: "Make room: larger files are not allowed there.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.EMFILE: "Raise the limit of open files: ulimit -n 4096",
    errno.EBADF: "A standard stream is closed; give it a file, or /dev/null.",
    errno.ENOENT: "Look at the folders above it; HOME says where MuseUI keeps its own files.",
    errno.ENOTDIR: "A file is where a folder must be; HOME says where MuseUI keeps its own files.",
}


def error_from_system(exc: OSError) -> MuseError | None:
    """``exc`` as one of ours: worth a retry when it may pass by itself; ``None`` when it is not the system's."""
    if exc.errno is None:
        return None
    reason = exc.strerror or str(exc)
    message = f"cannot use {shown(exc.filename, 300)}: {reason}" if exc.filename else f"the system refuses: {reason}"
    cls = Unavailable if exc.errno in _PASSES else Usage
    return cls(message, hint=_HINTS.get(exc.errno, "Look at that file, and at the disk it is on."))
