"""Presigned URLs: good for exactly what they were signed for."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubstub.store.keys import UploadSpec
from hubstub.store.signing import UrlSigner
from museui.core.errors import Denied, UploadExpired

SIGNER = UrlSigner(b"s" * 32)
SPEC = UploadSpec("u1", 1234, "ab" * 32, 1000)
OBJECT = "cd" * 32


def _query(spec: UploadSpec) -> dict[str, str]:
    return dict(parse_qsl(SIGNER.sign_put(spec)))


@pytest.mark.parametrize("put_headers", [True, False])
def test_what_was_signed_is_what_is_read(put_headers: bool) -> None:
    spec = replace(SPEC, put_headers=put_headers)
    assert SIGNER.check_put("u1", _query(spec), 999.0) == spec
    with pytest.raises(UploadExpired):
        SIGNER.check_put("u1", _query(spec), 1000.0)


@given(st.sampled_from(["expires", "size", "sha256", "signature", "headers"]), st.text())
def test_any_change_is_denied_before_anything_is_read(name: str, value: str) -> None:
    query = _query(SPEC)
    if query.get(name) == value:
        return
    with pytest.raises(Denied):
        SIGNER.check_put("u1", {**query, name: value}, 999.0)


def test_other_uploads_other_hubs_and_other_methods_are_denied() -> None:
    query = _query(SPEC)
    for signer, upload_id in ((SIGNER, "u2"), (UrlSigner(b"t" * 32), "u1")):
        with pytest.raises(Denied):
            signer.check_put(upload_id, query, 0.0)
    assert SIGNER.find_reader(SPEC.sha256, query, 0.0) is None


def test_headers_cannot_be_smuggled_into_another_field() -> None:
    query = _query(replace(SPEC, put_headers=True))
    del query["headers"]
    with pytest.raises(Denied):
        SIGNER.check_put("u1", {**query, "expires": f"{query['expires']}\nheaders=1"}, 0.0)


def test_a_get_is_for_one_object_until_its_time() -> None:
    query = dict(parse_qsl(SIGNER.sign_get(OBJECT, 1000, "song ada")))
    assert SIGNER.find_reader(OBJECT, query, 999.9) == "song ada"
    assert SIGNER.find_reader(OBJECT, query, 1000.0) is None
    assert SIGNER.find_reader("ef" * 32, query, 0.0) is None
    for changed in ({**query, "expires": "2000"}, {**query, "reader": "song bob"}, {}):
        assert SIGNER.find_reader(OBJECT, changed, 0.0) is None
