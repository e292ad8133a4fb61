"""The signing key: made once, private, and what the format says its id is."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from museui.core.errors import Usage
from museui.core.signatures import decode_key
from museui.repo.keys import SigningKey, generate_signing_key, key_path, read_signing_key


def read_quietly(path: Path) -> SigningKey | None:
    said: list[str] = []
    key = read_signing_key(path, said.append)
    assert said == []
    return key


def test_it_lies_in_the_user_s_configuration_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert key_path().parts[-3:] == ("museui", "keys", "signing.ed25519")


def test_a_key_is_made_privately_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "keys/signing.ed25519"
    assert read_quietly(path) is None
    made = generate_signing_key(path)
    assert read_quietly(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0
    public = decode_key(made.public, 32, "public key")
    assert made.key_id == hashlib.sha256(public).hexdigest()[:16]
    assert made.private.hex() not in repr(made) and str(made.private) not in repr(made)


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "signing.ed25519"
    made = generate_signing_key(path)
    with pytest.raises(Usage, match="there is a key already"):
        generate_signing_key(path)
    assert read_quietly(path) == made
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(Usage, match="there is a key already"):
        generate_signing_key(link)


def test_a_key_others_can_read_is_warned_about(tmp_path: Path) -> None:
    path = tmp_path / "signing.ed25519"
    generate_signing_key(path)
    path.chmod(0o644)
    said: list[str] = []
    assert read_signing_key(path, said.append)
    assert len(said) == 1 and "chmod 600" in said[0]


@pytest.mark.parametrize("kind", ["rubbish", "empty", "password", "another kind"])
def test_what_is_no_such_key_is_refused_without_being_shown(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "signing.ed25519"
    other = ec.generate_private_key(ec.SECP256R1())
    content = {
        "rubbish": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "empty": b"",
        "password": other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
        "another kind": other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }[kind]
    path.write_bytes(content)
    with pytest.raises(Usage, match="not an Ed25519 private key") as caught:
        read_quietly(path)
    assert "AAAA" not in caught.value.message
