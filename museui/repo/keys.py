"""The key that signs your commits: one Ed25519 private key, PKCS#8 PEM, in the user's configuration folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import Usage
from ..core.signatures import encode_key, key_id
from .atomic import write_file
from .files import disk_error, read_file
from .identity import loose_mode

_MAX_KEY_BYTES = 64 << 10
_KEY_HINT = (
    "It is PKCS#8 PEM without a password. Bring it back from a copy, or move it away and make another: museui keys "
    "generate. Commits that the lost one signed stay valid."
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """``private`` is the 32-byte seed; ``public`` is spelled ``ed25519:…``."""

    private: bytes
    public: str
    key_id: str

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"


def key_path() -> Path:
    """Where the key is, there or not."""
    from platformdirs import user_config_path

    return user_config_path("museui") / "keys" / "signing.ed25519"


def read_signing_key(path: Path, warn: Callable[[str], None]) -> SigningKey | None:
    """The key in ``path``, ``None`` when there is none. Raises :class:`Usage` when the file is no such key.

    ``warn`` is told when others can read it.
    """
    try:
        content = read_file(str(path), _MAX_KEY_BYTES, follow=True)
    except FileNotFoundError:
        return None
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Usage(f"{path} is not an Ed25519 private key", hint=_KEY_HINT) from None
    if warning := loose_mode(path):
        warn(warning)
    return _signing_key(key.private_bytes_raw(), key.public_key().public_bytes_raw())


def generate_signing_key(path: Path) -> SigningKey:
    """Make a key and write it to ``path``, 0600. Raises :class:`Usage` when there is something already."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if path.exists() or path.is_symlink():
        raise Usage(
            f"there is a key already: {path}",
            hint="Move it away first; commits it signed stay valid, as each names its key.",
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise disk_error(exc, f"cannot make {path.parent}") from exc
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_file(str(path), pem, mode=0o600, exact_mode=True)
    return _signing_key(key.private_bytes_raw(), key.public_key().public_bytes_raw())


def _signing_key(private: bytes, public: bytes) -> SigningKey:
    return SigningKey(private, encode_key(public), key_id(public))
