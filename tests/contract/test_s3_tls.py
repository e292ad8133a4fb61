"""A MinIO that speaks TLS with a certificate that nobody else trusts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubstub.store.keys import object_key
from hubstub.store.s3 import S3Store
from hubstub.store.s3_probe import probe_store
from museui.core.errors import Unavailable, Usage
from museui.core.ids import hash_object
from tests.helpers.certificates import write_certificates
from tests.helpers.minio import HOW, MinioProcess

pytestmark = pytest.mark.services


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MinioProcess]:
    if shutil.which("minio") is None:
        pytest.skip(HOW)
    write_certificates(tmp_path)
    with MinioProcess(tmp_path) as process:
        yield process


async def test_it_is_trusted_with_its_certificate_and_not_without(server: MinioProcess, tmp_path: Path) -> None:
    place = server.new_store()
    assert place.endpoint.startswith("https://")
    store = S3Store(place, b"s" * 32)
    assert (await probe_store(store)).length
    key = object_key(hash_object(b"x"))
    await store.put([(key, b"x")])
    assert b"".join(store.read(key)) == b"x"
    with pytest.raises(Unavailable):
        await S3Store(replace(place, ca_file=None), b"s" * 32).check()
    with pytest.raises(Usage, match="certificate"):
        S3Store(replace(place, ca_file=tmp_path / "nosuch"), b"s" * 32)
