"""What stands between a client and its hub and answers in the hub's place, as proxies and portals do."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"})


@dataclass(frozen=True, slots=True)
class Foreign:
    """An answer that is no hub's."""

    status: int
    body: bytes = b"<html>sign in</html>"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/html"})


class Portal:
    """A reverse proxy on a loopback port of its own for the hub at ``port``; a context manager.

    While ``answer`` is set, requests whose path holds ``only``, and whose body has ``from_bytes`` at least, get it;
    ``asked`` has the path of each request, and ``taken`` is set once one of them was answered here.
    """

    def __init__(self, port: int) -> None:
        self.answer: Foreign | None = None
        self.only = ""
        self.from_bytes = 0
        self.asked: list[str] = []
        self.taken = threading.Event()
        portal = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self._read()
                portal.asked.append(f"{self.command} {self.path}")
                answer = portal.answer
                if answer and portal.only in self.path and len(body) >= portal.from_bytes:
                    self._send(answer.status, answer.headers, answer.body)
                    portal.taken.set()
                    return
                hub = HTTPConnection("127.0.0.1", port, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                hub.request(self.command, self.path, body or None, headers)
                reply = hub.getresponse()
                content = reply.read()
                hub.close()
                kept = {name: value for name, value in reply.getheaders() if name.lower() not in _HOP}
                self._send(reply.status, kept, content)

            def _read(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status not in (204, 304):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
