"""The daemon as a process: the only one of its user, from its lock to the end of its last push."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import resource
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from museui.core.errors import Busy, Usage
from museui.core.figures import render_count
from museui.local.places import Places
from museui.repo.files import disk_error

from .api.routes import Answer, answer
from .api.server import Request, listen, stay_reachable
from .log import BoardHandler, open_log
from .service import Service
from .store.database import open_database
from .supervision import name_error
from .systemd import READY, STOPPING, notify_systemd, reloading_notice, send_watchdog_notices

_PATIENCE_S = 3.0
"""How long pushes may go on after SIGTERM before they are parked."""
_THREADS = 512
"""At most, and made when they are needed: each repository on a disk that hangs keeps one."""
_OPEN_FILES, _LEAST_OPEN_FILES = 4096, 64
logger = logging.getLogger("daemon")


def run(places: Places, *, background: bool) -> None:
    """Run until SIGTERM or SIGINT; in the ``background`` nothing is written to stderr.

    Raises :class:`Busy` when a daemon runs, :class:`Usage` for what is set wrongly, and what a disk refuses.
    """
    _raise_open_files()
    with ExitStack() as held:
        try:
            places.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            held.enter_context(_hold_lock(places.lock))
            open_log(places.log, background=background)
        except OSError as exc:
            raise disk_error(exc, f"the daemon cannot keep its files in {places.data}") from exc
        asyncio.run(_run(places))


def _raise_open_files() -> None:
    """As many as the system lets us have open. Raises :class:`Usage` for too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < _LEAST_OPEN_FILES:
        raise Usage(f"the daemon may have only {wanted} files open", hint="Raise the limit: ulimit -n 1024")


@contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise Busy("a daemon runs already", hint="`museui daemon status` shows it.") from exc
        yield
    finally:
        os.close(descriptor)


async def _run(places: Places) -> None:
    database, trouble = await open_database(places.database)
    try:
        service = await Service.open(places, database, trouble)
        logging.getLogger("daemon").addHandler(BoardHandler(service.board))
        if trouble:
            logger.error("%s %s", trouble.message, trouble.hint)
        await _serve(service)
    finally:
        await database.close()


async def _serve(service: Service) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "daemon"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(_reload(service)))

    async def handle(request: Request) -> Answer:
        return await answer(service, request)

    server = await listen(service.places.socket, handle)
    listening = asyncio.create_task(stay_reachable(server, service.places.socket, handle))
    running = asyncio.create_task(service.run())
    stopping = asyncio.create_task(stop.wait())
    watched = asyncio.create_task(send_watchdog_notices())
    watching = render_count(len(service.roster.watched), "repository", "repositories")
    logger.info("looking after %s; process %d", watching, os.getpid())
    notify_systemd(READY)
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        notify_systemd(STOPPING)
        logger.info("stopping")
        listening.cancel()
        await service.close(_PATIENCE_S)
    finally:
        listening.cancel()
        watched.cancel()
        stopping.cancel()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        with suppress(FileNotFoundError):
            service.places.socket.unlink()
    logger.info("stopped")


async def _reload(service: Service) -> None:
    notify_systemd(reloading_notice())
    try:
        await service.reload()
    except Exception as exc:
        error = name_error(exc, "reading the configuration again", logger)
        logger.error("%s %s", error.message, error.hint)
    else:
        logger.info("the configuration was read again")
    finally:
        notify_systemd(READY)
