"""Who is at the other end of a Unix socket, as the kernel knows it."""

from __future__ import annotations

import socket
import struct

_SOL_LOCAL, _LOCAL_PEERCRED = 0, 1  # macOS and the BSDs: struct xucred { version, uid, … }


def peer_uid(stream: socket.socket) -> int:
    """The user id of the process at the other end. Raises :class:`OSError`."""
    if hasattr(socket, "SO_PEERCRED"):
        _, uid, _ = struct.unpack("3i", stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    else:
        _, uid = struct.unpack_from("=II", stream.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 76))
    return int(uid)
