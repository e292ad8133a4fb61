"""``museui hub serve --minio``: a MinIO of the hub's own, started before it, kept running, and stopped after it.

A shell stands between: MinIO stops by itself when the pipe from the hub closes, also when the hub was killed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from museui.core.errors import Unavailable, Usage

from .minio_setup import ROLES, new_credential, set_up_bucket
from .s3_settings import MINIO_KEYS_NAME as KEYS_NAME
from .s3_settings import Credential, S3Settings

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
BUCKET = "museui"
DATA_NAME = "minio"
LOG_NAME = "minio.log"
RESTARTS = 3
"""Maximum number of restarts within ten minutes."""
_FIRST_PORT = 9000
_START_S = 60.0
_STOP_S = 15.0
_LOOK_S = 1.0
_WITHIN_S = 600.0
_KEEPER = 'exec 3<&0; "$@" & child=$!; (cat <&3 >/dev/null; kill "$child" 2>/dev/null) & wait "$child"'
"""Runs its arguments until standard input ends."""
_log = logging.getLogger("hubstub.store")


class OwnMinio:
    """A MinIO that runs; ``settings`` are those of a hub that uses it."""

    def __init__(self, settings: S3Settings, start: Callable[[], subprocess.Popen[bytes]], log_path: Path) -> None:
        """``start`` starts it, each time on the same port."""
        self.settings = settings
        self._start = start
        self._log_path = log_path
        self._stopping = threading.Event()
        self._process = start()

    def wait_ready(self) -> None:
        """Return when it takes requests. Raises :class:`Unavailable` when it ends or does not in a minute."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        give_up = time.monotonic() + _START_S
        while self._process.poll() is None and time.monotonic() < give_up and not self._stopping.is_set():
            try:
                with opener.open(f"{self.settings.endpoint}/minio/health/ready", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise Unavailable("MinIO did not start", hint=f"Its own words are in {self._log_path}")

    async def keep_running(self) -> None:
        """Start it again whenever it ends, for as long as this is not cancelled.

        Raises :class:`Unavailable` when it ends more than :data:`RESTARTS` times within ten minutes.
        """
        ends: deque[float] = deque(maxlen=RESTARTS)
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                if self._process.poll() is None:
                    continue
                if len(ends) == RESTARTS and ends[0] > time.monotonic() - _WITHIN_S:
                    raise Unavailable(
                        f"MinIO ends again and again, {RESTARTS + 1} times within {_WITHIN_S / 60:.0f} minutes",
                        hint=f"Its own words are in {self._log_path}",
                    )
                _log.error("MinIO ended by itself and is started again; its own words are in %s", self._log_path)
                await asyncio.sleep(_LOOK_S * len(ends))
                ends.append(time.monotonic())
                await asyncio.to_thread(self._restart)
        finally:
            self._stopping.set()

    def _restart(self) -> None:
        _end_session(self._process)  # what is left of it holds the data and the port
        self._process = self._start()
        with suppress(Unavailable):
            self.wait_ready()

    def stop(self) -> None:
        """Close the pipe and wait; after a while, kill the session that is its own."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            _end_session(self._process)


@contextmanager
def running_minio(data_dir: Path, host: str, public_endpoint: str | None) -> Iterator[OwnMinio]:
    """A MinIO that listens on ``host`` and keeps its data below ``data_dir``.

    Raises :class:`Usage` when there is no ``minio``, :class:`Unavailable` when it does not start.
    """
    program = shutil.which("minio")
    if program is None:
        raise Usage(
            "there is no 'minio' on PATH",
            hint=f"With Go: go install github.com/minio/minio@{VERSION}; or leave --minio out.",
        )
    keys_path = data_dir / KEYS_NAME
    keys = _read_keys(keys_path)
    keys["port"] = _free_port(host, int(keys["port"]))
    endpoint = keys["endpoint"] = f"http://{_bracketed(_reachable(host))}:{keys['port']}"
    _write_keys(keys_path, keys)
    root = Credential(*keys["root"])
    known = {role: Credential(*keys[role]) for role in ROLES}
    settings = replace(_settings(endpoint, known), public_endpoint=public_endpoint)
    start = partial(_start, program, data_dir, f"{_bracketed(host)}:{keys['port']}", root)
    minio = OwnMinio(settings, start, data_dir / LOG_NAME)
    try:
        minio.wait_ready()
        set_up_bucket(endpoint, root, BUCKET, known=known)
        yield minio
    finally:
        minio.stop()


def read_own_minio(data_dir: Path) -> S3Settings | None:
    """The MinIO that the hub in ``data_dir`` brings along, whether it runs or not; None when it has none.

    Raises :class:`Usage` when its keys cannot be read.
    """
    path = data_dir / KEYS_NAME
    if not path.exists():
        return None
    keys = _read_keys(path)
    endpoint = keys.get("endpoint") or f"http://127.0.0.1:{keys['port']}"
    return _settings(endpoint, {role: Credential(*keys[role]) for role in ROLES})


def _settings(endpoint: str, keys: Mapping[str, Credential]) -> S3Settings:
    hub, staging, reading = (keys[role] for role in ROLES)
    return S3Settings(BUCKET, "", endpoint, hub, staging, reading)


def _start(program: str, data_dir: Path, address: str, root: Credential) -> subprocess.Popen[bytes]:
    folder = data_dir / DATA_NAME
    folder.mkdir(mode=0o700, exist_ok=True)
    command = ["sh", "-c", _KEEPER, "minio-keeper", program, "server", str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MINIO_")}
    environment |= {"MINIO_ROOT_USER": root.access_key, "MINIO_ROOT_PASSWORD": root.secret_key}
    environment |= {"MINIO_BROWSER": "off", "MINIO_UPDATE": "off"}
    with (data_dir / LOG_NAME).open("ab") as log:
        return subprocess.Popen(
            [*command, "--address", address, "--quiet", "--json"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the session of ``process``, itself included."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _read_keys(path: Path) -> dict[str, Any]:
    """The keys of earlier, or new ones."""
    try:
        keys: dict[str, Any] = json.loads(path.read_text())
        for role in ("root", *ROLES):
            access_key, secret_key = keys[role]
            Credential(str(access_key), str(secret_key))
        int(keys["port"])
    except FileNotFoundError:
        made = {role: new_credential(role) for role in ("root", *ROLES)}
        return {"port": _FIRST_PORT, **{role: [key.access_key, key.secret_key] for role, key in made.items()}}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise Usage(f"cannot read the keys in {str(path)!r}", hint="Put it back; without it MinIO stays shut.") from exc
    return keys


def _write_keys(path: Path, keys: dict[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(keys, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _free_port(host: str, preferred: int) -> int:
    """The port of the last time, so that URLs which are out stay good; another one when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in dict.fromkeys((preferred, 0)):
        try:
            with socket.create_server((host, port), family=family) as listener:
                return int(listener.getsockname()[1])
        except OSError:
            continue
    raise Usage(f"cannot listen on {host!r}", hint="Choose another --host.")


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
