"""Ids: both spellings in, one form inside, and the hashes the published client wrote."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import Invalid
from museui.core.ids import hash_commit, hash_object, hash_snapshot, is_hex_id, parse_id, qualified

HEX = "0123456789abcdef" * 4


def nested(depth: int) -> Any:
    value: Any = None
    for _ in range(depth):
        value = [value]
    return value


@given(st.binary())
def test_either_spelling_of_an_id_gives_the_same_digits(content: bytes) -> None:
    digits = hashlib.sha256(content).hexdigest()
    assert parse_id(digits) == parse_id("sha256:" + digits) == digits == hash_object(content)
    assert parse_id(qualified(digits)) == digits


@pytest.mark.parametrize(
    "value",
    [
        "",
        HEX[:-1],
        HEX + "0",
        HEX + "\n",
        "\n" + HEX,
        HEX.upper(),
        "SHA256:" + HEX,
        "sha256:sha256:" + HEX,
        "sha256:",
        "sha512:" + HEX,
        HEX[:-1] + "１",  # a digit to Unicode, not to us
        HEX[:-1] + "g",
        HEX.encode(),
        None,
        7,
        True,
        [HEX],
        {HEX: 1},
        10**5000,
        "x" * 10_000_000,
        "\udc80" * 64,
        nested(1000),
    ],
    ids=lambda value: f"{type(value).__name__}-{len(value) if hasattr(value, '__len__') else value is None}",
)
def test_what_is_not_an_id_is_refused_by_name_in_one_short_sentence(value: Any) -> None:
    with pytest.raises(Invalid, match=r"^head is not an id") as caught:
        parse_id(value, "head")
    assert len(caught.value.message) < 1000
    assert not (isinstance(value, str) and is_hex_id(value))


def test_the_empty_file_and_the_empty_manifest_have_the_hash_of_nothing() -> None:
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert hash_object(b"") == nothing
    assert hash_snapshot({}) == nothing


def test_a_snapshot_of_the_published_client_has_the_id_that_client_gave_it() -> None:
    manifest = {
        "notes/verse.txt": "8bd968841fa6ea673e5791e049c097b6a7a6fee82d6c6911df225e7fa995f805",
        "notes/café.txt": "a97d76e18d7b3d3dde9bcde5f8c5665a70e3316e1c16d3a6724d1da4e99a73c4",
        "tracks/drums.mid": "64454629ee0b60f0d39ccbd48a551d4c267a53371af7e51b1ada65ec3d13007a",
        "notes/empty.txt": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
    assert hash_snapshot(manifest) == "7614bd752eb855048bfe40cf92b65a16919b257dea671b915496ca54120a05d8"


def test_commits_of_the_published_client_have_the_ids_that_client_gave_them() -> None:
    root = hash_commit(
        [],
        "7614bd752eb855048bfe40cf92b65a16919b257dea671b915496ca54120a05d8",
        "Start the song",
        "2026-11-22T06:28:40.624084+00:00",
    )
    assert root == "5f417730b949fe742e35a45f07f3bfa536c2415db27d063ac9982090711541c8"
    parents = [
        "9bfef34a8f4a484d956643a0886a17d29f2e8127b61353bcdbabbf2b40e91a32",
        "42d67a99510bab9bc40ed9f4b4d57ed809e889fc8457a77a22cab37572835b5c",
    ]
    merge = (
        "c452486f5ed0bba3b621968ccdce7c57ceef4b9e04f0467308403ece95643632",
        "Merge branch 'feat/bridge' into main",
        "2026-11-22T06:28:45.118347+00:00",
    )
    expected = "5637be7564975dd79ff087f6a35334b06928cf125dd31a6e22f46e2d2e66e017"
    assert hash_commit(parents, *merge) == hash_commit(reversed(parents), *merge) == expected


@given(st.dictionaries(st.text(), st.binary().map(hash_object)))
def test_the_order_of_a_manifest_does_not_change_its_id(manifest: dict[str, str]) -> None:
    try:
        "".join(manifest).encode()
    except UnicodeEncodeError:
        return
    assert hash_snapshot(dict(reversed(manifest.items()))) == hash_snapshot(manifest)


def test_paths_are_sorted_by_code_point_not_by_utf16() -> None:
    object_id = hash_object(b"x")
    low, high = "\uffee", "\U0001f3b5"  # in UTF-16 the second comes first
    joined = f"{low}\0{object_id}\0{high}\0{object_id}"
    assert str(hash_snapshot({high: object_id, low: object_id})) == hash_object(joined.encode())
