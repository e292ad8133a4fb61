"""Signatures of commits: what checks, what is forged, and keys no signature can be trusted with."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import BadSignature, Invalid, MuseError
from museui.core.ids import CommitId
from museui.core.signatures import (
    check_public_key,
    decode_key,
    encode_key,
    key_id,
    sign_commit,
    signed_bytes,
    verify_commit,
)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
SEED = bytes(range(32))
FIELDS = {
    "commit_id": "ab" * 32,
    "author": "Ada",
    "agent_id": "counterpoint-bot",
    "model_id": "",
    "toolchain_id": None,
    "prompt_hash": "é",
    "format_version": 7,
    "message": "not signed: the id covers it",
}
SIGNED = sign_commit(FIELDS, SEED)
# y of the five small-order points, each with both sign bits, and the encodings of 0 and 1 beyond p
ORDER_8 = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
SMALL_ORDER_Y = [0, 1, P - 1, *(int.from_bytes(bytes.fromhex(text), "little") for text in ORDER_8)]
NOT_CANONICAL_Y = [P + small for small in range(19)]


def with_sign(y: int, sign: int) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


def add(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    """The sum of two points of edwards25519, straight from RFC 8032."""
    d = -121665 * pow(121666, -1, P) % P
    (x1, y1), (x2, y2) = one, two
    product = d * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def points_with(y: int) -> list[tuple[int, int]]:
    """The points of the curve whose y is ``y``."""
    d = -121665 * pow(121666, -1, P) % P
    square = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    if root * root % P != square:
        root = root * pow(2, (P - 1) // 4, P) % P
    return [(root, y), (-root % P, y)] if root * root % P == square else []


def test_a_signature_we_made_is_valid_and_the_record_names_its_key() -> None:
    public = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
    assert verify_commit(SIGNED) == "valid"
    assert SIGNED["signer_public_key"] == "ed25519:" + base64.urlsafe_b64encode(public).decode().rstrip("=")
    assert SIGNED["signer_key_id"] == key_id(public) == "56475aa75463474c"
    assert {name: SIGNED[name] for name in FIELDS} == FIELDS


def test_the_signed_bytes_are_those_of_the_format() -> None:
    expected = b"muse-commit-v1\0" + b"ab" * 32 + b"\0Ada\0counterpoint-bot\0\0\0" + "é".encode()
    assert signed_bytes(FIELDS) == expected
    raw = decode_key(SIGNED["signature"], 64, "signature")
    Ed25519PrivateKey.from_private_bytes(SEED).public_key().verify(raw, expected)


@pytest.mark.parametrize("field", ["commit_id", "author", "agent_id", "model_id", "toolchain_id", "prompt_hash"])
def test_a_changed_field_that_is_signed_makes_the_signature_bad(field: str) -> None:
    with pytest.raises(BadSignature, match="does not check") as caught:
        verify_commit(SIGNED | {field: "cd" * 32})
    assert caught.value.details["rule"] == "signature"


@pytest.mark.parametrize("place", range(64))
def test_a_forged_signature_is_bad(place: int) -> None:
    raw = bytearray(decode_key(SIGNED["signature"], 64, "signature"))
    raw[place] ^= 0x40
    with pytest.raises(BadSignature, match="does not check"):
        verify_commit(SIGNED | {"signature": encode_key(bytes(raw))})


def test_a_signature_of_another_key_is_bad() -> None:
    other = sign_commit(FIELDS, bytes(32))
    with pytest.raises(BadSignature, match="does not check"):
        verify_commit(SIGNED | {"signature": other["signature"]})
    with pytest.raises(BadSignature, match="signer_key_id"):
        verify_commit(SIGNED | {"signer_public_key": other["signer_public_key"]})


def test_s_plus_l_is_the_same_number_and_not_the_same_signature() -> None:
    raw = decode_key(SIGNED["signature"], 64, "signature")
    s = int.from_bytes(raw[32:], "little")
    malleated = raw[:32] + (s + L).to_bytes(32, "little")
    with pytest.raises(BadSignature, match="does not check"):
        verify_commit(SIGNED | {"signature": encode_key(malleated)})


def test_the_list_of_small_order_points_is_the_whole_of_them() -> None:
    found = set()
    for y in SMALL_ORDER_Y:
        for point in points_with(y):
            twice = add(point, point)
            eight_times = add(add(twice, twice), add(twice, twice))
            assert eight_times == (0, 1)
            found.add(point)
    assert len(found) == 8


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("y", [*SMALL_ORDER_Y, *NOT_CANONICAL_Y, 2**255 - 1], ids=lambda y: hex(y)[:12])
def test_a_key_of_small_order_or_not_canonical_is_refused_in_every_encoding(y: int, sign: int) -> None:
    raw = with_sign(y, sign)
    with pytest.raises(BadSignature, match=r"small order|not canonical"):
        check_public_key(raw)
    for signature in (bytes(64), with_sign(1, 0) + bytes(32), decode_key(SIGNED["signature"], 64, "signature")):
        record = SIGNED | {
            "signer_public_key": encode_key(raw),
            "signer_key_id": key_id(raw),
            "signature": encode_key(signature),
        }
        with pytest.raises(BadSignature, match=r"small order|not canonical"):
            verify_commit(record)


def test_openssl_alone_would_take_one_signature_of_a_small_order_key_for_any_message() -> None:
    identity = with_sign(1, 0)
    Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), b"anything")
    Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), b"anything else")


@pytest.mark.parametrize("number", range(2, 20))
def test_a_key_that_is_no_point_or_somebody_else_s_gives_our_error(number: int) -> None:
    record = SIGNED | {"signer_public_key": encode_key(number.to_bytes(32, "little")), "signer_key_id": ""}
    with pytest.raises(BadSignature, match="does not check"):
        verify_commit(record)


@pytest.mark.parametrize("seed", range(40))
def test_no_ordinary_key_is_refused(seed: int) -> None:
    assert verify_commit(sign_commit(FIELDS, bytes([seed]) * 32)) == "valid"


@pytest.mark.parametrize("signature", [None, ""])
def test_no_signature_is_no_signature(signature: Any) -> None:
    assert verify_commit({"commit_id": "ab" * 32, "signature": signature}) == "unsigned"
    assert verify_commit({"commit_id": "ab" * 32}) == "unsigned"


@pytest.mark.parametrize("version", [5, 4, 0])
def test_the_hmac_form_of_the_published_client_is_kept_as_unverifiable(version: int) -> None:
    record = {"commit_id": "ab" * 32, "signature": "42" * 32, "signer_key_id": "e24c3d674e79495c"}
    assert verify_commit(record | {"format_version": version}) == "unverifiable"
    assert verify_commit(record) == "unverifiable"  # records older than the field


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 6},
        {"format_version": 7},
        {"format_version": "5"},
        {"format_version": None},
        {"format_version": 4.5},
        {"signature": "42" * 31},
        {"signature": "42" * 33},
        {"signature": "AB" * 32},
        {"signature": "42" * 32 + "\n"},
        {"signature": "zz" * 32},
        {"signature": 42},
        {"signature": ["42" * 32]},
        {"signature": b"42" * 32},
        {"signature": SIGNED["signature"]},
    ],
)
def test_any_other_signature_without_a_key_is_refused(change: dict[str, Any]) -> None:
    record = {"commit_id": "ab" * 32, "signature": "42" * 32, "format_version": 5}
    with pytest.raises(BadSignature, match="without a public key"):
        verify_commit(record | change)


def test_the_hmac_form_beside_a_public_key_is_no_signature_of_that_key() -> None:
    with pytest.raises(BadSignature):
        verify_commit(SIGNED | {"signature": "42" * 32, "format_version": 5})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ed25519:",
        "ed25519:" + "A" * 42,
        "ed25519:" + "A" * 44,
        "ed25519:" + "A" * 43 + "=",
        "ed25519:" + "A" * 42 + "B",  # bits beyond the last byte
        "ed25519:" + "A" * 42 + "+",
        "ed25519:" + "A" * 42 + "\n",
        "ed25519:" + " " + "A" * 42,
        "ed25519:" + "é" * 43,
        "ED25519:" + "A" * 43,
        "rsa:" + "A" * 43,
        "A" * 43,
        None,
        5,
        b"ed25519:" + b"A" * 43,
        ["ed25519:"],
    ],
)
def test_a_key_has_one_spelling(text: Any) -> None:
    assert decode_key("ed25519:" + "A" * 43, 32, "public key") == bytes(32)
    with pytest.raises(BadSignature, match=r"^public key "):
        decode_key(text, 32, "public key")


@given(st.binary(min_size=32, max_size=32))
def test_a_key_is_read_as_it_was_written(raw: bytes) -> None:
    assert decode_key(encode_key(raw), 32, "public key") == raw


@pytest.mark.parametrize("value", ["a\0b", "\udc80", 0, False, [], {}, b"Ada", 7])
def test_what_would_blur_the_signed_fields_is_refused_signing_and_checking(value: Any) -> None:
    with pytest.raises(Invalid, match="signed field"):
        sign_commit(FIELDS | {"author": value}, SEED)
    with pytest.raises(Invalid, match="signed field"):
        verify_commit(SIGNED | {"author": value})


ANYTHING = (
    st.none()
    | st.integers()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.lists(st.text(max_size=3), max_size=2)
    | st.sampled_from([*SIGNED.values(), "42" * 32, "\udc80", 1.5, encode_key(bytes(32)), encode_key(bytes(64))])
)


@given(st.dictionaries(st.sampled_from([name for name in SIGNED if name != "commit_id"]), ANYTHING, max_size=4))
def test_a_record_with_any_values_is_judged_or_refused_with_our_error(change: dict[str, Any]) -> None:
    record = SIGNED | change | {"commit_id": CommitId("ab" * 32)}
    try:
        state = verify_commit(record)
    except MuseError:
        return
    if state == "valid":
        assert signed_bytes(record) == signed_bytes(SIGNED)
        assert record["signature"] == SIGNED["signature"]
