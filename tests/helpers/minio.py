"""A real MinIO on loopback for tests: one process for all of a session, a bucket of its own for whoever asks."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import httpx
import pytest

from hubstub.store.keys import BUNDLES, OBJECTS, STAGING
from hubstub.store.minio_process import VERSION
from hubstub.store.minio_setup import set_up_bucket
from hubstub.store.s3 import S3Store
from hubstub.store.s3_settings import Credential, S3Settings
from tests.helpers.hub import HubProcess

HOW = f"no minio on PATH; with Go: go install github.com/minio/minio@{VERSION} (it goes to $(go env GOPATH)/bin)"
DOMAIN = "museui.test"
_START_S = 60.0
_STOP_S = 30.0


class MinioProcess:
    """``minio server`` on a temporary folder; a context manager. It may be stopped and started again on its port.

    ``certs_dir`` has ``public.crt`` and ``private.key`` of a server that speaks TLS, and ``ca.crt``.
    """

    def __init__(self, certs_dir: Path | None = None) -> None:
        self.certs_dir = certs_dir
        self._folder = tempfile.TemporaryDirectory(prefix="museui-minio-")
        self.root = Credential("museui-tests", secrets.token_hex(16))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._settings: S3Settings | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.certs_dir else 'http'}://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path | None:
        """The certificate to trust."""
        return self.certs_dir / "ca.crt" if self.certs_dir else None

    @property
    def data_dir(self) -> Path:
        """The folder of its buckets."""
        return Path(self._folder.name) / "data"

    def start(self) -> Self:
        """Start it and wait until it takes requests."""
        assert self._process is None, "it runs already"
        program = shutil.which("minio")
        assert program, HOW
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        certs = ["--certs-dir", str(self.certs_dir)] if self.certs_dir else []
        self._process = subprocess.Popen(
            [program, "server", str(self.data_dir), "--address", f"127.0.0.1:{self.port}", "--quiet", *certs],
            env=kept
            | {
                "HOME": self._folder.name,
                "MINIO_ROOT_USER": self.root.access_key,
                "MINIO_ROOT_PASSWORD": self.root.secret_key,
                "MINIO_BROWSER": "off",
                "MINIO_DOMAIN": DOMAIN,
                "MINIO_UPDATE": "off",
                "MINIO_PROMETHEUS_AUTH_TYPE": "public",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < deadline, "minio did not start"
            time.sleep(0.02)
        return self

    def _answers(self) -> bool:
        """Whether it is ready, users and all: an anonymous request is refused, and not put off."""
        try:
            return self._get("minio/health/ready").is_success and self._get("no-such-bucket").status_code == 403
        except httpx.HTTPError:
            return False

    def _get(self, path: str) -> httpx.Response:
        verify = ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else True
        return httpx.get(f"{self.url}/{path}", trust_env=False, verify=verify)

    def count_requests(self, name: str) -> int:
        """How many requests of this kind (``PutObject``) it has had, as it counts them itself."""
        lines = self._get("minio/metrics/v3/api/requests").text.splitlines()
        found = [line for line in lines if line.startswith(f'minio_api_requests_total{{name="{name}"')]
        return sum(int(line.rpartition(" ")[2]) for line in found)

    def stop(self) -> None:
        """Stop it, by its process id."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def new_store(self) -> S3Settings:
        """An empty place of its own in one bucket, whose users were made as ``museui hub minio-setup`` makes them."""
        if self._settings is None:
            self._settings = set_up_bucket(self.url, self.root, "museui-tests", "at-*/", ca_file=self.ca_file)
        return replace(self._settings, prefix=f"at-{secrets.token_hex(6)}/")

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave neither process nor folder."""
        self.stop()
        self._folder.cleanup()


class MinioHub(HubProcess):
    """A hub that keeps its objects at ``place``."""

    def __init__(self, place: S3Settings, *options: str) -> None:
        keys = {"": place.credential, "STAGING_": place.staging, "READING_": place.reading}
        environment = {}
        for name, key in keys.items():
            if key is not None:
                environment[f"MUSEUI_S3_{name}ACCESS_KEY"] = key.access_key
                environment[f"MUSEUI_S3_{name}SECRET_KEY"] = key.secret_key
        url = f"s3://{place.bucket}/{place.prefix}"
        super().__init__("--store", url, "--s3-endpoint", place.endpoint, *options, environment=environment)
        self.place = place


async def stored_entries(settings: S3Settings) -> dict[str, bytes]:
    """Everything in a store: key → bytes."""
    store = S3Store(settings, b"")
    entries = [entry for prefix in (STAGING, BUNDLES, OBJECTS) async for entry in store.list(prefix)]
    return {entry.key: await asyncio.to_thread(lambda key=entry.key: b"".join(store.read(key))) for entry in entries}  # type: ignore[misc]


@pytest.fixture(scope="session")
def minio() -> Iterator[MinioProcess]:
    """The MinIO of the session; tests that need it are skipped where there is none. Never stop this one."""
    if shutil.which("minio") is None:
        pytest.skip(HOW)
    with MinioProcess() as process:
        yield process
