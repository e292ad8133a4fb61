"""The one form of ids and times in ``--json`` documents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.documents import render_utc, uniform

ID = "ab" * 32


WRITTEN = {"settings": {"repositories": [{"paused_until": 1.0, "head": ID}]}}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"head": ID, "hub_head": f"sha256:{ID}"}, {"head": f"sha256:{ID}", "hub_head": f"sha256:{ID}"}),
        ({"details": {"missing": [ID]}}, {"details": {"missing": [f"sha256:{ID}"]}}),
        ({"commit_id": ID, "key_id": "ab12"}, {"commit_id": f"sha256:{ID}", "key_id": "ab12"}),
        ({"branch": ID, "message": ID}, {"branch": ID, "message": ID}),
        ({"seen_at": 0}, {"seen_at": "1970-01-01T00:00:00.000Z"}),
        ({"since": 1790000000.1234}, {"since": "2026-09-21T14:13:20.123Z"}),
        ({"paused_until": float("inf"), "seen_at": None}, {"paused_until": None, "seen_at": None}),
        ({"paused_at": True, "latency_s": 0.5, "id": 7}, {"paused_at": True, "latency_s": 0.5, "id": 7}),
        ({"committed_at": "2026-01-01T00:00:00+00:00"}, {"committed_at": "2026-01-01T00:00:00+00:00"}),
        (WRITTEN, WRITTEN),
        ([{"at": 1}, ("x",)], [{"at": "1970-01-01T00:00:01.000Z"}, ["x"]]),
    ],
)
def test_ids_are_qualified_and_times_are_utc(document: Any, expected: Any) -> None:
    assert uniform(document) == expected


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))
def test_times_are_those_of_the_calendar(when: datetime) -> None:
    exact = when.replace(microsecond=500, tzinfo=UTC)
    assert render_utc(exact.timestamp()) == when.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + ".000Z"


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 253_402_300_800])
def test_a_time_outside_the_calendar_is_unknown(seconds: float) -> None:
    assert render_utc(seconds) is None
