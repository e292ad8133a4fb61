"""Commit and snapshot records: ids against content, what JSON cannot hold, unknown fields kept."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import Integrity, Invalid, MuseError
from museui.core.ids import hash_commit
from museui.core.records import MAX_DEPTH, SnapshotParser, check_value, parse_commit
from tests.helpers.records import call_on_small_stack, commit_record, digest, snapshot_record

SNAPSHOT = digest(b"a snapshot")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just("\udc80\0"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.binary(), inner, max_size=3),
    max_leaves=8,
)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def bare(record: dict[str, Any]) -> Any:
    return json.loads(json.dumps(record).replace("sha256:", ""))


@pytest.mark.parametrize("parents", [[], [digest(b"p")], [digest(b"p"), digest(b"q")], [digest(b"q"), digest(b"p")]])
def test_both_spellings_of_a_commit_are_one_commit_and_each_is_given_back(parents: list[str]) -> None:
    record = commit_record(SNAPSHOT, parents, "Grüße\nzweite Zeile", future={"x": [1, None]})
    commit = parse_commit(record)
    assert commit == parse_commit(bare(record))
    assert commit.wire_fields() == record
    assert dict(commit.fields) == bare(record)
    assert list(commit.wire_fields()) == list(record)
    assert ["sha256:" + parent for parent in commit.parents] == parents
    assert (commit.message, commit.author) == ("Grüße\nzweite Zeile", "Ada")


def test_the_time_is_hashed_as_it_is_written() -> None:
    for when in ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00Z", "yesterday", ""):
        assert parse_commit(commit_record(SNAPSHOT, committed_at=when)).committed_at == when


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message", "another"),
        ("committed_at", "2026-01-01T00:00:00Z"),
        ("snapshot_id", digest(b"x")),
        ("parent_commit_id", digest(b"x")),
        ("parent_commit_id", None),
        ("parent2_commit_id", digest(b"x")),
        ("commit_id", digest(b"x")),
    ],
)
def test_a_commit_whose_id_does_not_match_its_content_is_refused_by_name(field: str, value: Any) -> None:
    record = commit_record(SNAPSHOT, [digest(b"p")]) | {field: value}
    with pytest.raises(Integrity, match="does not match its content") as caught:
        parse_commit(record)
    assert caught.value.details == {"commit_id": record["commit_id"].removeprefix("sha256:"), "rule": "commit_id"}


@pytest.mark.parametrize("field", ["commit_id", "snapshot_id", "message", "committed_at"])
@pytest.mark.parametrize("value", [None, 5, b"x", [], {}, float("nan")])
def test_a_commit_lacking_what_its_id_covers_is_refused(field: str, value: Any) -> None:
    with pytest.raises(Invalid):
        parse_commit(commit_record(SNAPSHOT) | {field: value})


@pytest.mark.parametrize("value", [0, False, [], {}, 5, "x", b"", digest(b"p") + "\0"])
def test_a_parent_that_is_neither_an_id_nor_absent_is_refused(value: Any) -> None:
    with pytest.raises(Invalid):
        parse_commit(commit_record(SNAPSHOT) | {"parent_commit_id": value})


def test_an_empty_parent_of_an_older_writer_is_no_parent() -> None:
    assert parse_commit(commit_record(SNAPSHOT) | {"parent_commit_id": "", "parent2_commit_id": None}).parents == ()


def test_a_commit_that_is_its_own_parent_is_refused() -> None:
    record = commit_record(SNAPSHOT)
    for field in ("parent_commit_id", "parent2_commit_id"):
        with pytest.raises(Invalid, match="its own parent"):
            parse_commit(record | {field: record["commit_id"]})


def test_one_id_cannot_stand_for_two_commits_whose_texts_are_cut_differently() -> None:
    one = commit_record(SNAPSHOT, message="a", committed_at="b\0c")
    two = commit_record(SNAPSHOT, message="a\0b", committed_at="c")
    assert one["commit_id"] == two["commit_id"]
    for record in (one, two):
        with pytest.raises(Invalid, match="NUL"):
            parse_commit(record)


def test_a_merge_cannot_pass_for_a_commit_with_one_parent() -> None:
    first, second = sorted([digest(b"p"), digest(b"q")])
    merge = commit_record(SNAPSHOT, [first, second], "m")
    forged = commit_record(second, [first], SNAPSHOT.removeprefix("sha256:") + "\0m")
    assert forged["commit_id"] == merge["commit_id"]
    with pytest.raises(Invalid, match="NUL"):
        parse_commit(forged)


@pytest.mark.parametrize(
    "bad",
    [{"x": b"bytes"}, {b"key": "text"}, {"x": {3: 4}}, {"x": float("nan")}, {"x": [float("-inf")]}, {"x": {1, 2}}],
)
def test_what_json_cannot_hold_is_refused_in_either_kind_of_record(bad: dict[Any, Any]) -> None:
    with pytest.raises(Invalid):
        parse_commit(commit_record(SNAPSHOT) | bad)
    with pytest.raises(Invalid):
        SnapshotParser().parse(snapshot_record({"a": b"a"}) | bad)


def test_a_commit_of_nothing_but_text_has_its_keys_checked_too() -> None:
    record: dict[Any, Any] = commit_record(SNAPSHOT)
    del record["metadata"]
    with pytest.raises(Invalid, match="a key that is not text"):
        parse_commit(record | {b"key": "text"})


@pytest.mark.parametrize("value", [b"x", float("nan"), nested(MAX_DEPTH + 2)])
def test_the_time_of_a_snapshot_is_checked_though_its_id_does_not_cover_it(value: Any) -> None:
    with pytest.raises(Invalid):
        SnapshotParser().parse(snapshot_record({"a": b"a"}) | {"created_at": value})


def test_nesting_is_refused_beyond_the_limit_and_costs_no_stack() -> None:
    check_value(nested(MAX_DEPTH), "it")
    with pytest.raises(Invalid, match="nested deeper than 32"):
        check_value(nested(MAX_DEPTH + 1), "it")
    deep = nested(100_000)
    for field in ("structured_delta", "message", "commit_id", "parent_commit_id"):
        with pytest.raises(Invalid):
            call_on_small_stack(partial(parse_commit, commit_record(SNAPSHOT) | {field: deep}))


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=4))
def test_fields_nobody_knows_come_back_unchanged(extra: dict[str, Any]) -> None:
    commit = commit_record(SNAPSHOT, [digest(b"p")])
    extra = {name: value for name, value in extra.items() if name not in commit}
    assert parse_commit(commit | extra).wire_fields() == commit | extra
    snapshot = snapshot_record({"a/b": b"1", "c": b"2"})
    extra = {name: value for name, value in extra.items() if name not in (*snapshot, "directories")}
    parsed = SnapshotParser().parse(snapshot | extra)
    assert parsed.wire_fields() == snapshot | extra
    assert parsed.disk_fields() == {**bare(snapshot), **extra}
    assert list(parsed.wire_fields()) == list(parsed.disk_fields()) == [*snapshot, *extra]


@given(st.dictionaries(st.sampled_from([*commit_record(SNAPSHOT)]) | st.text(), ANYTHING), st.booleans())
def test_a_commit_record_of_any_content_is_parsed_or_refused_with_our_error(fields: Any, on_top: bool) -> None:
    record = commit_record(SNAPSHOT) | fields if on_top else fields
    try:
        commit = parse_commit(record)
    except MuseError:
        return
    assert commit.id == hash_commit(commit.parents, commit.snapshot_id, commit.message, commit.committed_at)


@given(
    st.dictionaries(st.sampled_from(["snapshot_id", "manifest", "created_at", "directories"]) | st.text(), ANYTHING),
    st.dictionaries(st.text() | st.binary(), ANYTHING | st.just(digest(b"x")), max_size=3),
)
def test_a_snapshot_record_of_any_content_is_parsed_or_refused_with_our_error(fields: Any, manifest: Any) -> None:
    parser = SnapshotParser()
    for record in (fields, snapshot_record({"a": b"a"}) | fields, snapshot_record({}) | {"manifest": manifest}):
        try:
            parsed = parser.parse(record)
        except MuseError:
            continue
        assert parsed.disk_fields()["snapshot_id"] == parsed.id


@pytest.mark.parametrize("record", [None, [], "x", 3, b"{}"])
def test_a_record_that_is_not_a_map_is_refused(record: Any) -> None:
    with pytest.raises(Invalid):
        parse_commit(record)
    with pytest.raises(Invalid):
        SnapshotParser().parse(record)


def test_a_manifest_over_the_limit_is_refused() -> None:
    record = snapshot_record({str(number): b"x" for number in range(4)})
    assert len(SnapshotParser(max_entries=4).parse(record).manifest) == 4
    with pytest.raises(Invalid, match="more than 3 files"):
        SnapshotParser(max_entries=3).parse(record)


@pytest.mark.parametrize(
    ("folders", "ok"),
    [
        ([], True),
        (None, True),
        (["empty", "empty/inner", "a", "b/c"], True),
        (["a/f"], False),
        (["a/f/inner"], False),
        (["../x"], False),
        (["x/"], False),
        ([3], False),
        ([["x"]], False),
        ("empty", False),
        ({"empty": 1}, False),
    ],
)
def test_empty_folders_are_kept_and_may_not_be_files_or_lie_below_one(folders: Any, ok: bool) -> None:
    parser = SnapshotParser()
    record = snapshot_record({"a/f": b"1", "g": b"2"}, directories=folders)
    for _ in range(2):  # the second time the parser remembers the first
        if ok:
            assert parser.parse(record).wire_fields() == record
        else:
            with pytest.raises(Invalid):
                parser.parse(record)


def test_a_file_where_an_earlier_snapshot_had_an_empty_folder_is_noticed() -> None:
    parser = SnapshotParser()
    parser.parse(snapshot_record({"a": b"1"}, directories=["x/y"]))
    assert parser.parse(snapshot_record({"a": b"1", "x": b"2"})).manifest.keys() == {"a", "x"}
    with pytest.raises(Invalid, match="a file and a folder at once: 'x'"):
        parser.parse(snapshot_record({"a": b"1", "x": b"2"}, directories=["x/y"]))
