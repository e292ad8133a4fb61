"""Which changes no program takes for work: a mass of files that are suddenly empty, or gone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from museui.core.ids import EMPTY_OBJECT, ObjectId, hash_object
from museui.repo.contents import Contents
from museui.repo.emptied import find_emptied

NULS = hash_object(b"\0" * 10)


def files(count: int, prefix: str = "f") -> dict[str, ObjectId]:
    return {f"{prefix}{number}": hash_object(f"{prefix}{number}".encode()) for number in range(count)}


def is_mass(recorded: Mapping[str, ObjectId], now: Mapping[str, ObjectId]) -> bool:
    blank = frozenset(path for path, object_id in now.items() if object_id in (EMPTY_OBJECT, NULS))
    return find_emptied(recorded, Contents(now, blank, ())).is_mass


def emptied(recorded: Mapping[str, ObjectId], count: int, to: ObjectId = EMPTY_OBJECT) -> dict[str, ObjectId]:
    return {**recorded, **dict.fromkeys(list(recorded)[:count], to)}


def without(recorded: Mapping[str, ObjectId], count: int) -> dict[str, ObjectId]:
    return {path: recorded[path] for path in list(recorded)[count:]}


@pytest.mark.parametrize(
    ("there", "count", "mass"),
    [
        (1, 1, True),
        (2, 1, False),
        (2, 2, True),
        (10, 1, False),
        (10, 2, True),
        (30, 3, False),
        (30, 4, True),
        (500, 9, False),
        (500, 10, True),
    ],
)
def test_emptied_files(there: int, count: int, mass: bool) -> None:
    recorded = files(there)
    assert is_mass(recorded, emptied(recorded, count)) is mass
    assert is_mass(recorded, emptied(recorded, count, NULS)) is mass, "NULs are what some file systems leave"
    assert is_mass(recorded, emptied({**recorded, **files(5, "new")}, count)) is mass, "what is new changes nothing"


@pytest.mark.parametrize(
    ("there", "count", "mass"), [(1, 1, True), (2, 1, False), (2, 2, True), (3, 2, True), (10, 5, False), (10, 6, True)]
)
def test_files_that_are_gone(there: int, count: int, mass: bool) -> None:
    recorded = files(there)
    assert is_mass(recorded, without(recorded, count)) is mass


def test_what_is_no_loss() -> None:
    recorded = files(10)
    assert not is_mass(recorded, {f"moved/{path}": object_id for path, object_id in recorded.items()}), "all moved"
    assert not is_mass(recorded, {path: hash_object(b"new " + path.encode()) for path in recorded}), "all written anew"
    assert not is_mass({}, {"a": EMPTY_OBJECT}) and not is_mass({"a": EMPTY_OBJECT}, {}), "what was empty held nothing"
    assert not is_mass({"a": NULS, "b": NULS}, {"a": NULS, "b": NULS}), "recorded so"
    assert not is_mass({"a": hash_object(b"1")}, {"b": hash_object(b"2")}), "one that gave way to another"
    assert not is_mass({}, {})
