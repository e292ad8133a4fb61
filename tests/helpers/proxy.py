"""A small TCP proxy between a client and a hub: cuts the line once so many bytes have gone up, or lets all pass."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

_PIECE_BYTES = 1 << 14


class Proxy:
    """Listens on ``port`` and passes on to ``target``; a context manager.

    ``cuts`` has, for each connection that sends that much, after how many bytes it is cut; the first cut is used up by
    the first connection that gets so far. Without cuts everything passes.
    """

    def __init__(self, target: int, cuts: list[int] | None = None) -> None:
        self.cuts = list(cuts or [])
        self.cut = 0
        """How many connections were cut."""
        self._target = target
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._ended: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            streams = list(self._open)
        for stream in streams:
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _accept(self) -> None:
        workers: list[threading.Thread] = []
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    hub = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self._open |= {client, hub}
                for source, sink, up in ((client, hub, True), (hub, client, False)):
                    worker = threading.Thread(target=self._pass_on, args=(source, sink, up), daemon=True)
                    worker.start()
                    workers.append(worker)
        for worker in workers:
            worker.join()
        for stream in self._open:
            stream.close()

    def _pass_on(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        passed = 0
        with suppress(OSError):
            while piece := source.recv(_PIECE_BYTES):
                passed += len(piece)
                if up and self._cuts_after(passed):
                    break
                sink.sendall(piece)
        for stream in (source, sink):
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
        with self._lock:
            # The second of the two directions to end closes both.
            if source in self._ended:
                self._ended -= {source, sink}
                self._open -= {source, sink}
                source.close()
                sink.close()
            else:
                self._ended |= {source, sink}

    def _cuts_after(self, passed: int) -> bool:
        with self._lock:
            if not self.cuts or passed < self.cuts[0]:
                return False
            del self.cuts[0]
            self.cut += 1
            return True
