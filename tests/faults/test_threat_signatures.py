"""Signatures that do not hold: forged, replayed, bent to fit, with keys for which one signature fits everything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from museui.core.frames import iter_raw
from tests.helpers import bundles
from tests.helpers.attacks import BASE, WAYS, attacked_hub, check_refused, next_history, send
from tests.helpers.fingerprint import unchanged
from tests.helpers.hub import HubProcess
from tests.helpers.push_client import PushClient
from tests.helpers.records import History, commit_record, pack

ATTACK = next_history()
TREE = ATTACK.snapshots[0]["snapshot_id"]
KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (1, 2))
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19
PROVENANCE = ("author", "agent_id", "model_id", "toolchain_id", "prompt_hash")
SMALL_Y = [
    0,
    1,
    PRIME - 1,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
]
"""The y of the points whose order divides 8."""


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with attacked_hub() as process:
        yield process


@pytest.fixture(scope="module")
def client(hub: HubProcess) -> Iterator[PushClient]:
    with PushClient(hub) as made:
        yield made


def _text(raw: bytes) -> str:
    return "ed25519:" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _message(record: dict[str, Any]) -> bytes:
    """The signed bytes, from docs/formats.md."""
    parts = [record["commit_id"].removeprefix("sha256:"), *(record.get(name) or "" for name in PROVENANCE)]
    return b"muse-commit-v1\0" + "\0".join(parts).encode()


def _with_key(record: dict[str, Any], key: bytes, signature: bytes) -> dict[str, Any]:
    signed = {
        "signature": _text(signature),
        "signer_public_key": _text(key),
        "signer_key_id": hashlib.sha256(key).hexdigest()[:16],
    }
    return {**record, **signed}


def _unsigned(message: str = "signed", **extra: Any) -> dict[str, Any]:
    provenance = {"agent_id": "agent", "model_id": "model", "toolchain_id": "tools", "prompt_hash": "00"}
    return commit_record(TREE, [BASE.head], message, format_version=7, **{**provenance, **extra})


def _signed(message: str = "signed", key: Ed25519PrivateKey = KEY, **changed: Any) -> dict[str, Any]:
    record = _unsigned(message)
    return {**_with_key(record, key.public_key().public_bytes_raw(), key.sign(_message(record))), **changed}


def _raw_signature(record: dict[str, Any]) -> bytes:
    return KEY.sign(_message(record))


def _moved(record: dict[str, Any], by: int) -> str:
    """The signature with ``by`` added to its S, which is congruent when that is a multiple of the group's order."""
    raw = _raw_signature(record)
    return _text(raw[:32] + (int.from_bytes(raw[32:], "little") + by).to_bytes(32, "little"))


HMAC = "0123456789abcdef" * 4
GOOD = _signed()
RAW_KEY = KEY.public_key().public_bytes_raw()
OTHER_RAW_KEY = OTHER_KEY.public_key().public_bytes_raw()
KEY_TEXT = _text(RAW_KEY).removeprefix("ed25519:")

FORGED: dict[str, dict[str, Any]] = {
    "signed by another key": _signed(
        signature=_text(OTHER_KEY.sign(_message(_unsigned()))),
    ),
    "signed by another key that is named": _signed(signer_public_key=_text(OTHER_RAW_KEY)),
    "another key, with its own id": _signed(
        signer_public_key=_text(OTHER_RAW_KEY), signer_key_id=hashlib.sha256(OTHER_RAW_KEY).hexdigest()[:16]
    ),
    "replayed from another commit": _signed(signature=_signed("another")["signature"]),
    "signed without the context": _signed(signature=_text(KEY.sign(_message(_unsigned())[15:]))),
    "signed as text with a prefix": _signed(
        signature=_text(KEY.sign(_message(_unsigned()).replace(b"\0", b"\0sha256:", 1)))
    ),
    **{f"another {name}": {**GOOD, name: "changed"} for name in PROVENANCE},
    **{f"no {name}": {**GOOD, name: ""} for name in PROVENANCE},
    "an agent that moved into the author": {**GOOD, "author": "Ada\0agent", "agent_id": None},
    "all zeros": _signed(signature=_text(bytes(64))),
    "all ones": _signed(signature=_text(b"\xff" * 64)),
    "one bit of R": _signed(signature=_text(bytes([_raw_signature(GOOD)[0] ^ 1]) + _raw_signature(GOOD)[1:])),
    "one bit of S": _signed(signature=_text(_raw_signature(GOOD)[:63] + bytes([_raw_signature(GOOD)[63] ^ 1]))),
    "S + L": _signed(signature=_moved(GOOD, GROUP_ORDER)),
    "S + 2 L": _signed(signature=_moved(GOOD, 2 * GROUP_ORDER)),
    "S + 7 L": _signed(signature=_moved(GOOD, 7 * GROUP_ORDER)),
    "R and S exchanged": _signed(signature=_text(_raw_signature(GOOD)[32:] + _raw_signature(GOOD)[:32])),
    "no public key": {name: value for name, value in GOOD.items() if name != "signer_public_key"},
    "an empty public key": {**GOOD, "signer_public_key": ""},
    "no public key, an old version": {**GOOD, "signer_public_key": None, "format_version": 5},
    "the id of another key": {**GOOD, "signer_key_id": "0" * 16},
    "the id of the key, longer": {**GOOD, "signer_key_id": hashlib.sha256(RAW_KEY).hexdigest()},
    "padding": {**GOOD, "signer_public_key": f"ed25519:{KEY_TEXT}="},
    "the other alphabet": {**GOOD, "signature": GOOD["signature"].replace("-", "+").replace("_", "/") + "+"},
    "a bit that says nothing": {**GOOD, "signer_public_key": f"ed25519:{KEY_TEXT[:-1]}{chr(ord(KEY_TEXT[-1]) + 1)}"},
    "a space": {**GOOD, "signature": GOOD["signature"] + " "},
    "a line": {**GOOD, "signature": GOOD["signature"][:40] + "\n" + GOOD["signature"][40:]},
    "no prefix": {**GOOD, "signature": GOOD["signature"].removeprefix("ed25519:")},
    "another prefix": {**GOOD, "signature": GOOD["signature"].replace("ed25519", "Ed25519")},
    "63 bytes": _signed(signature=_text(_raw_signature(GOOD)[:63])),
    "65 bytes": _signed(signature=_text(_raw_signature(GOOD) + b"\0")),
    "a key of 31 bytes": _signed(signer_public_key=_text(RAW_KEY[:31])),
    "a key of 33 bytes": _signed(signer_public_key=_text(RAW_KEY + b"\0")),
    "a key that is no point": _signed(signer_public_key=_text((2).to_bytes(32, "little")), signer_key_id=""),
    "a signature that is a number": {**GOOD, "signature": 7},
    "a signature that is a list": {**GOOD, "signature": [GOOD["signature"]]},
    "a key that is a map": {**GOOD, "signer_public_key": {"ed25519": KEY_TEXT}},
    "the old form in a new record": {**_unsigned(), "signature": HMAC, "signer_key_id": "0" * 16},
    "the old form, version 6": {**_unsigned(), "signature": HMAC, "format_version": 6},
    "the old form, a version of text": {**_unsigned(), "signature": HMAC, "format_version": "5"},
    "the old form in capitals": {**_unsigned(), "signature": HMAC.upper(), "format_version": 5},
    "the old form, too short": {**_unsigned(), "signature": HMAC[:-1], "format_version": 5},
    "the old form, too long": {**_unsigned(), "signature": HMAC + "0", "format_version": 5},
    "the old form and a key": {**GOOD, "signature": HMAC, "format_version": 5},
}


@pytest.mark.parametrize("name", FORGED)
def test_a_signature_that_does_not_hold_is_refused(hub: HubProcess, client: PushClient, name: str) -> None:
    record = FORGED[name]
    with unchanged(hub):
        for way in ("unpack", "stream"):
            answer = send(client, way, ATTACK.bundle(commits=[record]), record["commit_id"])
            error = check_refused(answer, "invalid" if "\0" in str(record.get("author")) else "bad_signature")
            assert record["commit_id"][7:] in error["message"]


def _weak_keys() -> Iterator[bytes]:
    for y in SMALL_Y:
        for sign in (0, 1 << 255):
            yield (y | sign).to_bytes(32, "little")
    for y in (PRIME, PRIME + 1, PRIME + 3, 2**255 - 1):  # not canonical; the first two stand for 0 and 1
        for sign in (0, 1 << 255):
            yield (y | sign).to_bytes(32, "little")


def _fitting(key: bytes) -> dict[str, Any]:
    """A commit with a signature that nobody made and that OpenSSL verifies with ``key``, when there is such a one."""
    points = [y.to_bytes(32, "little") for y in SMALL_Y]
    for attempt in range(32):
        record = _unsigned(author=f"Ada {attempt}")
        for point in points:
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(point + bytes(32), _message(record))
            except (InvalidSignature, ValueError):
                continue
            return _with_key(record, key, point + bytes(32))
    return _with_key(_unsigned(), key, points[1] + bytes(32))


@pytest.mark.parametrize("key", [*_weak_keys()], ids=lambda key: key.hex()[:4] + key.hex()[-4:])
def test_a_key_for_which_one_signature_fits_all_is_refused(hub: HubProcess, client: PushClient, key: bytes) -> None:
    record = _fitting(key)
    with unchanged(hub):
        answer = send(client, "unpack", ATTACK.bundle(commits=[record]), record["commit_id"])
        assert record["commit_id"][7:] in check_refused(answer, "bad_signature")["message"]


def test_one_bad_signature_among_good_ones_refuses_all(hub: HubProcess, client: PushClient) -> None:
    history = History([_signed("the first")], ATTACK.snapshots, ATTACK.contents)
    for number in range(5):
        record = {**commit_record(TREE, [history.head], f"then {number}"), "format_version": 7}
        history.commits.append(_with_key(record, RAW_KEY, KEY.sign(_message(record))))
    for number in (0, 3, 5):
        commits = list(history.commits)
        commits[number] = {**commits[number], "author": "Eve"}
        with unchanged(hub):
            for way in WAYS:
                error = check_refused(send(client, way, history.bundle(commits=commits), history.head), "bad_signature")
                assert error["details"] == {"commit_id": commits[number]["commit_id"][7:], "rule": "signature"}


def test_a_bad_signature_on_a_commit_that_is_there_already_is_refused_too(hub: HubProcess, client: PushClient) -> None:
    record = {**BASE.commits[0], "format_version": 7}
    forged = _with_key(record, RAW_KEY, OTHER_KEY.sign(_message(record)))
    with unchanged(hub):
        for way in WAYS:
            check_refused(send(client, way, BASE.bundle(commits=[forged, BASE.commits[1]]), BASE.head), "bad_signature")


def test_a_record_that_is_there_keeps_its_signature(hub: HubProcess) -> None:
    """Who pushes a commit again without its signature, or with another's, changes nothing of it."""
    with PushClient(hub, "kept") as client:
        assert client.push(BASE)[0] == 200
        assert send(client, "bundle", ATTACK.bundle(commits=[GOOD]), GOOD["commit_id"], "main")[0] == 200
        mine = _signed(key=OTHER_KEY)
        for again in (_unsigned(), mine):
            assert send(client, "unpack", ATTACK.bundle(commits=[again]), GOOD["commit_id"], "main")[0] == 200
            assert _fetched(client, GOOD["commit_id"]) == GOOD


def _fetched(client: PushClient, commit_id: str) -> dict[str, Any]:
    body = pack({"want": [commit_id]})
    response = client.http.post(f"{client.url}/fetch", content=body, headers={"Accept": "application/zstd"})
    found = bundles.contents(iter_raw([response.content], 1 << 30))["commits"]
    (record,) = [record for record in found if record["commit_id"] == commit_id]
    assert isinstance(record, dict)
    return record


ACCEPTED = {
    "valid": ("valid", GOOD),
    "valid, without the key's id": ("valid", _signed(signer_key_id="")),
    "the old form": ("unverifiable", {**_unsigned("old"), "signature": HMAC, "format_version": 5}),
    "the old form, older": ("unverifiable", {**_unsigned("older"), "signature": HMAC, "format_version": 1}),
    "none": ("unsigned", _unsigned("unsigned")),
    "an empty one": ("unsigned", {**_unsigned("empty"), "signature": "", "signer_public_key": ""}),
}


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("way", WAYS)
def test_what_can_be_accepted_is_kept_as_it_is_and_reported(hub: HubProcess, name: str, way: str) -> None:
    state, record = ACCEPTED[name]
    with PushClient(hub, f"accepted-{list(ACCEPTED).index(name)}-{way}") as client:
        assert client.push(BASE)[0] == 200
        status, answer = send(client, way, ATTACK.bundle(commits=[record]), record["commit_id"], "main")
        assert status == 200, answer
        assert _fetched(client, record["commit_id"]) == record
        hub.wait_for_log(f"push_id={answer['push_id']}")
        (line,) = [line for line in hub.log.splitlines() if f"push_id={answer['push_id']}" in line]
        assert f" {state}_commits=1" in line
