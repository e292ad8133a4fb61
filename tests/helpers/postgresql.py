"""A real PostgreSQL on loopback for tests: one server for all of a session, a database of its own for each hub."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg
import pytest

HOW = "no PostgreSQL here; on Debian: apt-get install postgresql"
PASSWORD = "not-to-be-seen"
_START_S = 60
T = TypeVar("T")

NewDatabase = Callable[[], str | None]
"""Gives the address of an empty database, or None for SQLite in the hub's folder."""


def find_programs() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``, the newest one; Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` gives, in a loop of its own: for tests that run in one themselves, and those that do not."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def query(url: str, text: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of one statement."""

    async def work() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(text, *values)]
        finally:
            await connection.close()

    return run_apart(work())


class PostgresServer:
    """A server on a temporary folder; a context manager. ``fsync`` off: nobody pulls the plug here.

    It refuses to run as root, so root runs it as ``postgres`` or ``nobody``.
    """

    def __init__(self) -> None:
        programs = find_programs()
        assert programs, HOW
        self._programs = programs
        self._user = _other_user() if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="museui-postgresql-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    def url(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql://museui:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        """Make the server's folder on the first start, and wait until it takes connections."""
        data = self._folder / "data"
        if not data.exists():
            password = self._folder / "password"
            password.write_text(PASSWORD)
            if self._user:
                shutil.chown(password, self._user)
            who = ["-U", "museui", "--auth=scram-sha-256", f"--pwfile={password}"]
            self._run("initdb", "-D", str(data), "-E", "UTF8", "--locale=C", "--no-sync", *who)
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 300,
            "fsync": "off",
            "full_page_writes": "off",
        }
        flags = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in options.items())
        self._run("pg_ctl", "start", "-w", "-t", str(_START_S), "-D", str(data), "-l", f"{data}/log", "-o", flags)
        return self

    def stop(self, how: str = "immediate") -> None:
        """Stop it; ``fast`` as a person would."""
        self._run("pg_ctl", "stop", "-w", "-m", how, "-D", str(self._folder / "data"))

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"hub_{secrets.token_hex(6)}"
        query(self.url("postgres"), f"CREATE DATABASE {name}")
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            user=self._user,
            group=pwd.getpwnam(self._user).pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=2 * _START_S,
        )
        assert done.returncode == 0, done.stderr.decode()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave neither processes nor folder."""
        pid_file = self._folder / "data" / "postmaster.pid"
        if pid_file.exists():
            try:
                self.stop()
            except (AssertionError, subprocess.TimeoutExpired):
                os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)


def _other_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """The PostgreSQL of the session; tests that need it are skipped where there is none. Never stop this one."""
    if find_programs() is None:
        pytest.skip(HOW)
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest) -> NewDatabase:
    """Runs what uses it once on each kind of database."""
    if request.param == "sqlite":
        return lambda: None
    server: PostgresServer = request.getfixturevalue("postgresql")
    return server.new_database
