"""A line to a server that can be made slow, held, cut or closed: a real TCP proxy in threads of the test."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Self

_PIECE_BYTES = 16 << 10
_BUFFER_BYTES = 64 << 10
_RESET = struct.pack("ii", 1, 0)
"""Makes closing a socket reset its connection. A plain close can leave a sender with a full window unaware of it until
the system forgets the closed end, which takes Linux a minute.
"""


class Line:
    """A proxy on a loopback port of its own for ``port``; a context manager.

    ``bytes_per_s`` limits what goes to the server, ``delay_s`` is waited before each piece in both directions.
    """

    def __init__(self, port: int) -> None:
        self.far_port = port
        self.bytes_per_s: float | None = None
        self.delay_s = 0.0
        self.passed_bytes = 0
        """What has gone to the server."""
        self.accepted = 0
        """How many connections were ever made."""
        self.cuts = 0
        self._cut_after: int | None = None
        self._cuts_to_come: list[int] = []
        self._hold_after: int | None = None
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def hold(self, after_bytes: int = 0) -> None:
        """Forward nothing more once that much has gone to the server from now on; nobody is told."""
        with self._lock:
            self._hold_after = self.passed_bytes + after_bytes
            if not after_bytes:
                self._open.clear()

    def release(self) -> None:
        """Forward again."""
        self._hold_after = None
        self._open.set()

    @property
    def held(self) -> bool:
        """Whether nothing is forwarded."""
        return not self._open.is_set()

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._ends) // 2

    def cut(self, after_bytes: int = 0, times: int = 1) -> None:
        """Break every connection, at once or when that much has gone to the server from now on; then so again."""
        if after_bytes:
            self._cut_after, self._cuts_to_come = self.passed_bytes + after_bytes, [after_bytes] * (times - 1)
        else:
            self._break_all()

    def _break_all(self) -> None:
        with self._lock:
            self._cut_after = self.passed_bytes + self._cuts_to_come.pop() if self._cuts_to_come else None
            self.cuts += 1
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.accepted += 1
                near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
                try:
                    far = socket.create_connection(("127.0.0.1", self.far_port))
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    self._ends |= {near, far}
                self._begin(self._serve, near, far)

    def _begin(self, function: object, *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads = [item for item in self._threads if item.is_alive()] + [thread]
        thread.start()

    def _serve(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=self._carry, args=(far, near, False), daemon=True)
        back.start()
        self._carry(near, far, True)
        back.join()
        with self._lock:
            self._ends -= {near, far}
            near.close()
            far.close()

    def _carry(self, source: socket.socket, target: socket.socket, upwards: bool) -> None:
        try:
            for piece in _pieces(source):
                self._open.wait()
                pace = self.bytes_per_s
                time.sleep(self.delay_s + (len(piece) / pace if pace and upwards else 0.0))
                target.sendall(piece)
                if upwards:
                    self._count(len(piece))
        except OSError:
            pass
        finally:
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_WR if end is target else socket.SHUT_RD)

    def _count(self, size: int) -> None:
        with self._lock:
            self.passed_bytes += size
            if self._hold_after is not None and self.passed_bytes >= self._hold_after:
                self._open.clear()
        if self._cut_after is not None and self.passed_bytes >= self._cut_after:
            self._break_all()

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.release()
        self._break_all()
        for thread in self._threads:
            thread.join(5)


def _pieces(source: socket.socket) -> Iterator[bytes]:
    while piece := source.recv(_PIECE_BYTES):
        yield piece
