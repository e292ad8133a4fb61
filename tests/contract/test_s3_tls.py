"""A MinIO that speaks TLS with a certificate that nobody else trusts."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hubstub.store.base import object_key
from hubstub.store.s3 import S3Store
from hubstub.store.s3_probe import probe_store
from museui.core.errors import Unavailable, Usage
from museui.core.ids import hash_object
from tests.helpers.minio import HOW, MinioProcess


def _write_certificates(folder: Path) -> None:
    """``ca.crt``, and ``public.crt`` with ``private.key`` for 127.0.0.1 signed by it."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    ca = _certificate("an authority of one's own", ca_key, ca_key, x509.BasicConstraints(ca=True, path_length=None))
    server = _certificate("a store", key, ca_key, address)
    (folder / "ca.crt").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (folder / "public.crt").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "private.key").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    issuer = "an authority of one's own"
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(signer, hashes.SHA256())
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MinioProcess]:
    if shutil.which("minio") is None:
        pytest.skip(HOW)
    _write_certificates(tmp_path)
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
