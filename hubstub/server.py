"""The hub as a process: a socket, the parts behind it, and an orderly end.

The socket is bound here and handed to granian, so that port 0 has no race and a port that is taken is an error
(granian itself would share it).  Without ``http2`` HTTP/1.1 is all that is spoken, over TLS as well: in its automatic
mode granian never closes a connection that sends nothing.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server
from starlette.applications import Starlette

from museui.core.errors import Internal, Unavailable, Usage

from .app import build_app
from .config import HubSettings
from .first_run import ensure_same_store, ensure_url_secret
from .folder import ensure_worker_name
from .handshakes import cut_unfinished
from .identity import marry, require_own_store
from .index.database import Database
from .log import log_facts, logger
from .state import HubState
from .store.signing import UrlSigner
from .store_choice import open_store, store_name
from .tls import own_context

_BACKLOG = 1024
_READY_S = 30.0
_PING_MS = 20_000
_HEADERS_BYTES = 64 << 10
_STOPS = (signal.SIGTERM, signal.SIGINT)
_GC_THRESHOLD = 50_000
_SWITCH_S = 0.0002
"""How long a thread may keep the interpreter from the others: while one verifies another decompresses, and at
Python's own 5 ms they spend their time waiting for a turn (measured: 0.1 s of each reference push).
"""


class _SocketServer(Server):
    """Granian on a socket that is bound already."""

    def __init__(self, listener: socket.socket, target: Starlette, settings: HubSettings) -> None:
        tls = settings.tls
        super().__init__(
            target,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto if tls and tls.http2 else HTTPModes.http1,
            websockets=False,
            backlog=_BACKLOG,
            backpressure=_BACKLOG,
            http1_settings=HTTP1Settings(header_read_timeout=int(settings.header_timeout_s * 1000)),
            http2_settings=HTTP2Settings(keep_alive_interval=_PING_MS, max_headers_size=_HEADERS_BYTES),
            ssl_cert=tls.certificate if tls else None,
            ssl_key=tls.key if tls else None,
            ssl_protocol_min=SSLProtocols.tls12,
            log_enabled=False,
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        self._ssp = None
        self._sfd = self._listener.detach()  # type: ignore[assignment]
        self._shd = SocketHolder(self._sfd, False, _BACKLOG)  # type: ignore[assignment,call-arg]


def bind_listener(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host`` and ``port`` (0: a free one) alone. Raises :class:`Usage` when it cannot."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as exc:
        raise Usage(f"cannot listen on {host!r}: {exc.strerror or exc}") from exc
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        raise Usage(
            f"cannot listen on {host} port {port}: {exc.strerror}", hint="Choose another --port, or 0 for a free one."
        ) from exc
    return listener


def listener_url(listener: socket.socket, tls: bool = False) -> str:
    """The address of a listening socket as a URL; a wildcard address is named by its loopback one."""
    host, port = _own_address(listener)
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _own_address(listener: socket.socket) -> tuple[str, int]:
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port


async def serve(
    settings: HubSettings,
    listener: socket.socket,
    on_ready: Callable[[HubState], Awaitable[None]],
    keep_store: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; ``on_ready`` runs once requests are answered.

    ``keep_store`` sees to the hub's own store meanwhile; when it raises, the hub ends and raises the same.

    Running requests are finished first, within the settings' patience or until a second signal; then the jobs stop and
    the database is closed.
    """
    database = Database(settings.database_url)
    worker = ensure_worker_name(settings.data_dir)
    try:
        store, where = await open_store(settings), store_name(settings, worker)
        await require_own_store(database, store, where)
        await database.open()
        await ensure_same_store(database, where)
        await marry(database, store, where, time.time(), starts=True)
        store.signer = UrlSigner(await ensure_url_secret(database))
        state = HubState(settings, database, store, worker=worker)
        app = build_app(state)
        with _stop_signals() as (stop, hurry):
            hurry_up = asyncio.create_task(_hurry(state, app, hurry))
            async with app.router.lifespan_context(app):
                await _serve_requests(app, state, listener, on_ready, stop, keep_store)
            hurry_up.cancel()
    finally:
        await database.close()


@contextmanager
def _stop_signals() -> Iterator[tuple[asyncio.Event, asyncio.Event]]:
    """Events for the first and for the second SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    events = asyncio.Event(), asyncio.Event()

    def take() -> None:
        events[events[0].is_set()].set()

    for number in _STOPS:
        loop.add_signal_handler(number, take)
    try:
        yield events
    finally:
        for number in _STOPS:
            loop.remove_signal_handler(number)


async def _hurry(state: HubState, app: Starlette, hurry: asyncio.Event) -> None:
    """At the second signal, end whatever runs; nothing of that was acknowledged."""
    await hurry.wait()
    tasks = [*app.state.running, *state.desk.running]
    log_facts(logger, "told to stop twice: ending what runs", tasks=len(tasks))
    for task in tasks:
        task.cancel()


async def _serve_requests(
    app: Starlette,
    state: HubState,
    listener: socket.socket,
    on_ready: Callable[[HubState], Awaitable[None]],
    stop: asyncio.Event,
    keep_store: Callable[[], Coroutine[Any, Any, None]] | None,
) -> None:
    host, port = _own_address(listener)
    server = _SocketServer(listener, app, state.settings)
    running = asyncio.create_task(server.serve())
    tls = state.settings.tls is not None
    beside = [asyncio.create_task(cut_unfinished(port, state.settings.header_timeout_s))] if tls else []
    try:
        await _first([running], _answers(host, port, tls))
        log_facts(logger, "serving", port=port, **await state.database.describe())
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD, 20, 50)
        sys.setswitchinterval(_SWITCH_S)
        await on_ready(state)
        if keep_store is not None:
            beside.append(asyncio.create_task(keep_store()))
        await _first([running, *beside], stop.wait())
    finally:
        log_facts(logger, "stopping")
        for task in beside:
            task.cancel()
        state.stopping.set()
        server.stop()  # type: ignore[no-untyped-call]
        await _end(running, app, state.settings.stop_s)
    if running.done():
        running.result()


async def _end(running: asyncio.Task[Any], app: Starlette, patience_s: float) -> None:
    """Wait for the requests that run, then end those that do not come to an end."""
    await asyncio.wait({running}, timeout=patience_s)
    if not running.done():
        tasks: set[asyncio.Task[Any]] = app.state.running
        log_facts(logger, "ending requests that take too long", requests=len(tasks))
        for task in tasks:
            task.cancel()
        await asyncio.wait({running}, timeout=patience_s)


async def _first(running: Collection[asyncio.Task[Any]], event: Coroutine[Any, Any, Any]) -> None:
    """Return when ``event`` does; raise as it does, or as what runs when some of that ends before."""
    waiting = asyncio.create_task(event)
    await asyncio.wait({waiting, *running}, return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        for task in running:
            if task.done():
                task.result()
        raise Internal("the HTTP server ended by itself")
    waiting.result()


async def _answers(host: str, port: int, tls: bool) -> None:
    """Return when a request to our own port is answered. Raises :class:`Unavailable` when none is for 30 s."""
    try:
        async with asyncio.timeout(_READY_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=own_context() if tls else None)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            await reader.readline()
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError) as exc:
        raise Unavailable("the hub does not answer on its own port") from exc
