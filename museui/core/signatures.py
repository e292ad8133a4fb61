"""Ed25519 signatures of commits (``docs/formats.md``, "Signatures").

OpenSSL verifies with keys that libsodium refuses: points of small order (for which one signature fits many
messages) and encodings that are not canonical.  They are refused here before OpenSSL sees them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from .errors import BadSignature, Invalid

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SignatureState = Literal["unsigned", "valid", "unverifiable"]

PREFIX = "ed25519:"
CONTEXT = b"muse-commit-v1\0"
_SIGNED_FIELDS = ("author", "agent_id", "model_id", "toolchain_id", "prompt_hash")
_HMAC = re.compile(r"[0-9a-f]{64}").fullmatch
_P = 2**255 - 19
# y coordinates of the points whose order divides 8 (RFC 7748 / RFC 8032 curve arithmetic; the list libsodium refuses)
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _P - 1,
        int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
        int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
    }
)


def encode_key(raw: bytes) -> str:
    """``ed25519:`` + unpadded base64url, the spelling of public keys and signatures."""
    return PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_key(text: object, size: int, what: str) -> bytes:
    """The ``size`` bytes in an ``ed25519:…`` string. Raises :class:`BadSignature` naming ``what``."""
    if not isinstance(text, str) or not text.startswith(PREFIX):
        raise BadSignature(f"{what} is not of the form 'ed25519:<base64url>'")
    digits = text[len(PREFIX) :]
    try:
        raw = base64.b64decode(digits + "=" * (-len(digits) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise BadSignature(f"{what} is not base64url") from exc
    if len(raw) != size or encode_key(raw) != text:
        raise BadSignature(f"{what} is not the canonical spelling of {size} bytes")
    return raw


def key_id(public_key: bytes) -> str:
    """``signer_key_id``: the first 16 hex digits of SHA-256 over the 32 key bytes."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def check_public_key(raw: bytes) -> None:
    """Refuse a key that is not canonical or of small order. Raises :class:`BadSignature`."""
    y = int.from_bytes(raw, "little") & ((1 << 255) - 1)
    if y >= _P:
        raise BadSignature("public key is not canonical")
    if y in _SMALL_ORDER_Y:
        raise BadSignature("public key is of small order")


def signed_bytes(fields: Mapping[str, Any]) -> bytes:
    """What a signature covers: the context, then NUL-joined commit id (bare hex) and provenance fields.

    Raises :class:`Invalid` for a field that cannot be signed: not text, or with a NUL, which would shift the others.
    """
    parts: list[str] = [fields["commit_id"]]
    for name in _SIGNED_FIELDS:
        part = fields.get(name)
        if part is None:
            part = ""
        if not isinstance(part, str) or "\0" in part:
            raise Invalid(f"commit {fields['commit_id']}: the signed field {name!r} is not text, or holds a NUL")
        parts.append(part)
    try:
        return CONTEXT + "\0".join(parts).encode()
    except UnicodeEncodeError as exc:
        raise Invalid(f"commit {fields['commit_id']}: a signed field is not valid Unicode") from exc


@lru_cache(maxsize=256)
def _load_public_key(raw: bytes) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    check_public_key(raw)
    return Ed25519PublicKey.from_public_bytes(raw)


def verify_commit(fields: Mapping[str, Any]) -> SignatureState:
    """The state of a commit record's signature (bare hex ids).

    ``unverifiable`` is the 0.1.x HMAC form, which nobody but the signer can check.
    Raises :class:`BadSignature` for one that does not check or whose key is missing or not acceptable.
    """
    signature = fields.get("signature") or ""
    public = fields.get("signer_public_key") or ""
    if not signature:
        return "unsigned"
    details = {"commit_id": fields["commit_id"], "rule": "signature"}
    if not public:
        version = fields.get("format_version", 0)
        if isinstance(signature, str) and _HMAC(signature) and isinstance(version, int) and version <= 5:
            return "unverifiable"
        raise BadSignature(f"commit {fields['commit_id']} is signed without a public key", details=details)
    try:
        raw_key = decode_key(public, 32, "public key")
        raw_signature = decode_key(signature, 64, "signature")
        key = _load_public_key(raw_key)
    except BadSignature as exc:
        raise BadSignature(f"commit {fields['commit_id']}: {exc.message}", details=details) from exc
    named = fields.get("signer_key_id") or ""
    if named and named != key_id(raw_key):
        raise BadSignature(f"commit {fields['commit_id']}: signer_key_id is not that of the key", details=details)

    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(raw_signature, signed_bytes(fields))
    except InvalidSignature as exc:
        raise BadSignature(f"commit {fields['commit_id']}: the signature does not check", details=details) from exc
    return "valid"


def sign_commit(fields: Mapping[str, Any], private_key: bytes) -> dict[str, Any]:
    """The record with ``signature``, ``signer_key_id`` and ``signer_public_key`` set. ``private_key``: 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(private_key)
    public = key.public_key().public_bytes_raw()
    return {
        **fields,
        "signature": encode_key(key.sign(signed_bytes(fields))),
        "signer_key_id": key_id(public),
        "signer_public_key": encode_key(public),
    }
