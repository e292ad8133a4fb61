"""An HTTP proxy that keeps every byte it gets: it tunnels where a test lets it, and answers 502 to everything else."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

_PIECE_BYTES = 64 << 10


class RecordingProxy:
    """A context manager; ``ways`` has the loopback port that a ``HOST:PORT`` of ``CONNECT`` leads to."""

    def __init__(self, **ways: int) -> None:
        self.ways = {name.replace("_", "."): port for name, port in ways.items()}
        self.received: list[bytes] = []
        """What came over each connection, the tunnelled included."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """An environment in which every request is to go by this proxy."""
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        return {name: self.url for upper in names for name in (upper, upper.lower())} | {"NO_PROXY": "", "no_proxy": ""}

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                end, _ = self._listener.accept()
                self._ends.add(end)
                self.received.append(b"")
                self._begin(self._serve, end, len(self.received) - 1)

    def _begin(self, function: object, *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _serve(self, end: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            while b"\r\n\r\n" not in self.received[number]:
                if not (piece := end.recv(_PIECE_BYTES)):
                    return
                self.received[number] += piece
            method, target, _ = self.received[number].split(b" ", 2)
            port = self.ways.get(target.decode().rpartition(":")[0]) if method == b"CONNECT" else None
            if port is None:
                end.sendall(b"HTTP/1.1 502 No Way\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                end.close()
                return
            far = socket.create_connection(("127.0.0.1", port))
            self._ends.add(far)
            end.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self._begin(self._carry, far, end)
            while piece := end.recv(_PIECE_BYTES):
                self.received[number] += piece
                far.sendall(piece)
            far.shutdown(socket.SHUT_WR)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE_BYTES):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join(5)
