"""MinIO stops between presign and PUT: the push waits, says why, and arrives when the store is back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.helpers.daemon import DaemonProcess, daemon
from tests.helpers.line import Line
from tests.helpers.minio import HOW, MinioHub, MinioProcess
from tests.helpers.watched import heads, make_repository, moves

__all__ = ["daemon"]


@pytest.mark.services
@pytest.mark.skipif(shutil.which("minio") is None, reason=HOW)
def test_a_store_that_stops_between_presign_and_put_gets_the_bundle_when_it_is_back(
    daemon: DaemonProcess, tmp_path: Path
) -> None:
    with MinioProcess() as minio, Line(minio.port) as line:  # noqa: SIM117
        with MinioHub(minio.new_store(), "--s3-public-endpoint", line.url) as hub:
            daemon.sign_in(hub)
            song = make_repository(tmp_path, hub, "presigned")
            head = song.commit({f"{number}": os.urandom(2_000) for number in range(700)})
            line.hold()
            daemon.watch(song.root)
            daemon.wait(lambda: line.connections, "the PUT, which comes after presign")
            minio.stop()
            line.cut()
            line.release()
            entry = daemon.wait_failed()
            assert entry.state == "waiting" and entry.error and entry.error.retryable
            assert heads(hub, "presigned") == {}
            minio.start()
            daemon.wait_safe()
            assert heads(hub, "presigned") == {"main": head}
            assert moves(hub, "presigned") == [head]
            assert daemon.litter == []
