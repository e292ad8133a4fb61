"""Messages: what is checked on the way in, what the errors name, and that in and out are inverses."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core import wire
from museui.core.errors import Invalid, MuseError
from museui.core.ids import CommitId
from museui.core.limits import Limits
from tests.helpers.records import call_on_small_stack, digest

ID = digest(b"x")
BARE = ID[7:]
MESSAGES: dict[type[Any], dict[str, Any]] = {
    wire.Refs: {
        "repo_id": None,
        "branch_heads": {"main": ID},
        "domain": "midi",
        "default_branch": None,
        "capabilities": ["bundle"],
        "limits": {"max_bundle_bytes": 1},
        "signing_policy": "trusted",
        "needs": [ID],
        "removed": {},
        "next": "main",
        "access": "write",
    },
    wire.ObjectsPresignRequest: {"object_ids": [ID], "sizes": [7], "put_headers": True},
    wire.ObjectsPresignAnswer: {
        "presigned": {"any spelling": "http://hub.example.org/staging/0"},
        "inline": [ID],
        "present": [ID],
        "headers": {"any spelling": {"If-None-Match": "*"}},
        "expires_in": 900,
    },
    wire.NegotiateRequest: {"have": [ID], "want": []},
    wire.NegotiateAnswer: {"ack": [], "common_base": ID, "ready": True, "reached": []},
    wire.PresignRequest: {
        "bundle_id": ID,
        "size_bytes": 7,
        "branch": "main",
        "head": ID,
        "expected_head": None,
        "raw_bytes": 9,
        "commits": 1,
        "snapshots": 1,
        "objects": 0,
        "put_headers": True,
        "force": False,
    },
    wire.PresignAnswer: {
        "bundle_id": ID,
        "presigned_url": "http://127.0.0.1:1/x",
        "upload_id": "u",
        "expires_in": 600,
        "method": "PUT",
        "headers": {"Content-Length": "7"},
        "already_present": False,
    },
    wire.ConfirmRequest: {"bundle_id": ID, "upload_id": None},
    wire.PushAnswer: {
        "ok": True,
        "push_id": "p",
        "branch": "main",
        "head": ID,
        "previous_head": None,
        "stored_commits": 1,
        "stored_snapshots": 1,
        "stored_objects": 1,
        "already_present_objects": 0,
        "timings": {"index": 0.5},
        "promotion": "queued",
    },
    wire.CreateRepository: {
        "owner": "ada",
        "slug": "song",
        "visibility": "public",
        "domain": "",
        "default_branch": None,
    },
    wire.ChangeRepository: {"visibility": "public", "default_branch": None, "signing_policy": "off"},
    wire.ProtectBranches: {"allows_force": False, "signed_only": True},
    wire.EnrolKey: {"public_key": "ed25519:x", "label": ""},
    wire.SetCollaborator: {"access": "write"},
    wire.Account: {"name": "ada", "scope": "read", "repository": None, "expires_at": 1.5},
    wire.Storage: {
        "repositories": {"ada/song": 7},
        "count": 1,
        "used_bytes": 7,
        "quota_bytes": None,
        "waiting_bundles": 0,
        "waiting_bytes": 0,
    },
    wire.FetchRequest: {"want": [ID], "have": []},
}
TARGET = {"branch": "main", "head": ID, "force": False, "expected_head": None}


def required(cls: type[Any]) -> set[str]:
    from dataclasses import MISSING

    return {item.name for item in fields(cls) if item.default is MISSING and item.default_factory is MISSING}


def test_every_message_there_is_is_tried_here() -> None:
    declared = {thing for thing in vars(wire).values() if isinstance(thing, type) and is_dataclass(thing)}
    assert declared - {Limits} == {*MESSAGES, wire.PushTarget}


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
def test_a_message_goes_in_and_out_unchanged_in_either_spelling(cls: type[Any]) -> None:
    data = MESSAGES[cls]
    bare = orjson.loads(orjson.dumps(data).replace(b"sha256:", b""))
    message = wire.parse(cls, data)
    assert message == wire.parse(cls, bare)
    assert wire.encode(message) == data
    assert wire.encode(message, bare_ids=True) == bare


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
def test_what_newer_clients_add_is_ignored_and_what_has_a_default_may_lack(cls: type[Any]) -> None:
    least = {name: value for name, value in MESSAGES[cls].items() if name in required(cls)}
    assert wire.parse(cls, least) == wire.parse(cls, least | {"future": [{"x": b"y"}], "": 1})
    for name in required(cls):
        with pytest.raises(Invalid, match=f"field '{name}' is missing") as caught:
            wire.parse(cls, {key: value for key, value in least.items() if key != name})
        assert caught.value.details == {"field": name}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("value", [b"bytes", -1.5, {"a": object()}, nested(1_000), {"k" * 5_000: [nested(1_000)]}])
def test_a_value_of_the_wrong_kind_is_refused_in_a_short_sentence_that_names_the_field(
    cls: type[Any], value: Any
) -> None:
    for name in MESSAGES[cls]:
        if isinstance(value, float) and name == "expires_at":
            continue
        with pytest.raises(Invalid, match=f"field '{name}") as caught:
            call_on_small_stack(partial(wire.parse, cls, MESSAGES[cls] | {name: value}))
        assert len(caught.value.message) < 300
        assert caught.value.details["field"].startswith(name)


@pytest.mark.parametrize(
    ("cls", "field", "value"),
    [
        (wire.PresignRequest, "bundle_id", "sha256:short"),
        (wire.PresignRequest, "bundle_id", ID.upper()),
        (wire.PresignRequest, "bundle_id", None),
        (wire.PresignRequest, "size_bytes", -1),
        (wire.PresignRequest, "size_bytes", True),
        (wire.PresignRequest, "size_bytes", 7.0),
        (wire.PresignRequest, "size_bytes", "7"),
        (wire.PresignRequest, "size_bytes", 1 << 63),
        (wire.PresignRequest, "branch", "a..b"),
        (wire.PresignRequest, "branch", ""),
        (wire.PresignRequest, "put_headers", 1),
        (wire.PresignRequest, "put_headers", None),
        (wire.NegotiateRequest, "have", None),
        (wire.NegotiateRequest, "have", ID),
        (wire.NegotiateRequest, "have", [ID, None]),
        (wire.NegotiateRequest, "have", {ID: 1}),
        (wire.Refs, "branch_heads", {"main": None}),
        (wire.Refs, "branch_heads", {b"main": ID}),
        (wire.Refs, "branch_heads", [["main", ID]]),
        (wire.PushAnswer, "timings", {"index": "0.5"}),
        (wire.PushAnswer, "timings", {"index": float("nan")}),
        (wire.PushAnswer, "timings", {"index": float("inf")}),
        (wire.PushAnswer, "timings", {"index": 10**400}),
        (wire.PushAnswer, "timings", {"index": True}),
        (wire.CreateRepository, "owner", 5),
        (wire.CreateRepository, "slug", None),
    ],
)
def test_a_value_that_breaks_the_field_s_rule_is_refused(cls: type[Any], field: str, value: Any) -> None:
    with pytest.raises(Invalid, match=f"field '{field}"):
        wire.parse(cls, MESSAGES[cls] | {field: value})


@pytest.mark.parametrize("data", [None, [], "x", b"{}", 3])
def test_what_is_not_a_map_is_no_message(data: Any) -> None:
    for cls in MESSAGES:
        with pytest.raises(Invalid, match="is not a map"):
            wire.parse(cls, data)
    with pytest.raises(Invalid, match="is not a map"):
        wire.parse_target(data)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4) | st.just(ID),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(list(MESSAGES)), st.data())
def test_any_values_give_a_message_that_can_be_sent_or_our_error(cls: type[Any], data: st.DataObject) -> None:
    change = data.draw(st.dictionaries(st.sampled_from(list(MESSAGES[cls])), ANYTHING))
    try:
        message = wire.parse(cls, MESSAGES[cls] | change)
    except MuseError:
        return
    assert wire.parse(cls, wire.encode(message)) == message
    assert wire.parse(cls, wire.encode(message, bare_ids=True)) == message


@pytest.mark.parametrize(
    ("expected", "lease"), [({}, False), ({"expected_head": None}, True), ({"expected_head": ID}, True)]
)
def test_a_lease_is_there_when_its_field_is_there_null_included(expected: dict[str, Any], lease: bool) -> None:
    data = {"branch": "main", "head": ID, "force": True, **expected}
    target = wire.parse_target(data)
    assert target.lease is lease
    assert target.expected_head == (BARE if expected.get("expected_head") else None)
    assert wire.encode_target(target) == data
    assert wire.parse_target(data | {"lease": "of no concern"}) == target


@pytest.mark.parametrize("change", [{"branch": "-x"}, {"head": "x"}, {"force": "yes"}, {"expected_head": "x"}])
def test_a_target_is_checked_field_by_field(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=f"field '{next(iter(change))}'"):
        wire.parse_target(TARGET | change)


def test_a_hub_s_limits_stand_in_for_ours_where_it_names_them() -> None:
    refs = wire.Refs(None, {"main": CommitId(BARE)}, limits={"stream_max_objects": 3, "max_of_the_future": 5})
    assert refs.known_limits() == Limits(stream_max_objects=3)
    assert wire.Refs(None, {}).known_limits() == Limits()


@pytest.mark.parametrize("text", [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000])
def test_the_json_decoder_we_use_refuses_deep_nesting_on_a_small_stack(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"depth limit|[Rr]ecursion limit"):
        call_on_small_stack(lambda: orjson.loads(text))
