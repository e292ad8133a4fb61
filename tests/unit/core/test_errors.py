"""The tree of errors: one code each, what an answer means, and messages that stay short."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core import errors
from museui.core.errors import ERRORS, MuseError, error_from_code, shown

RETRYABLE = {"rate_limited", "unavailable", "upload_expired", "unreachable", "busy"}


def test_every_code_belongs_to_one_class_that_says_so() -> None:
    assert all(cls.code == code for code, cls in ERRORS.items())
    classes = {thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, MuseError)}
    assert {cls.code for cls in classes} == set(ERRORS)


def test_only_what_may_work_later_is_worth_a_retry_and_exits_with_3() -> None:
    assert {code for code, cls in ERRORS.items() if cls.retryable} == RETRYABLE
    assert {code for code, cls in ERRORS.items() if cls.exit_code == errors.EXIT_RETRY} == RETRYABLE


def test_exit_codes_follow_what_the_caller_can_do() -> None:
    assert {code: cls.exit_code for code, cls in ERRORS.items() if code not in RETRYABLE} == {
        "unauthorized": 5, "forbidden": 5, "non_fast_forward": 4, "stale_lease": 4, "usage": 2, "not_found": 1,
        "too_large": 1, "integrity": 1, "bad_signature": 1, "invalid": 1, "internal": 1, "quota": 1,
        "interrupted": 130,
    }  # fmt: skip


@pytest.mark.parametrize("code", ERRORS)
def test_an_answer_becomes_the_error_it_was(code: str) -> None:
    error = error_from_code(code, "what", "do", {"a": 1}, status=418)
    assert type(error) is ERRORS[code]
    assert error.to_json() == {
        "code": code,
        "message": "what",
        "hint": "do",
        "retryable": code in RETRYABLE,
        "details": {"a": 1},
    }
    assert str(error) == "what"


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "unauthorized"), (403, "forbidden"), (404, "not_found"), (409, "non_fast_forward"), (410, "upload_expired"),
     (413, "too_large"), (422, "invalid"), (429, "rate_limited"), (500, "internal"), (502, "unavailable"),
     (503, "unavailable"), (504, "unavailable"), (507, "quota"), (400, "internal"), (418, "internal")],
)  # fmt: skip
def test_an_answer_with_a_code_nobody_knows_is_read_by_its_status(status: int, code: str) -> None:
    assert error_from_code("", "what", "", {}, status).code == code
    assert error_from_code("of_the_future", "what", "", {}, status).code == code


def test_details_of_two_errors_are_not_one_dictionary() -> None:
    one, two = MuseError("a"), MuseError("b")
    one.details["x"] = 1
    assert two.details == {}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        ("a\nb", "'a\\nb'"),
        ("x" * 81, repr("x" * 80) + "…"),
        (b"x" * 81, repr(b"x" * 80) + "…"),
        (None, "None"),
        (True, "True"),
        (-5, "-5"),
        (1.5, "1.5"),
        ((1 << 64) - 1, "18446744073709551615"),
        (1 << 64, "a value of type int"),
        (10**10_000, "a value of type int"),
        ([1], "a value of type list"),
        ({"a": 1}, "a value of type dict"),
        (nested(100_000), "a value of type list"),
    ],
    ids=lambda value: str(value)[:10] if isinstance(value, str) else type(value).__name__,
)
def test_a_value_is_shown_in_a_few_words(value: Any, text: str) -> None:
    assert shown(value) == text


@given(st.text() | st.binary() | st.integers() | st.floats() | st.none(), st.integers(1, 20))
def test_what_is_shown_can_always_be_sent(value: Any, limit: int) -> None:
    assert len(shown(value, limit).encode()) <= 10 * limit + 30
