"""The lines of `museui doctor`: columns of every script line up, and many things that are well are one line."""

from __future__ import annotations

from museui.cli.verbs.doctor import _fold, _render
from museui.core.cells import cell_width
from museui.local.messages import Check


def repositories(count: int) -> list[Check]:
    return [Check(f"repository /music/{number}", True, "safe") for number in range(count)]


def test_names_of_every_script_are_in_one_column() -> None:
    names = ("disk", "repository /音楽/夜の歌", "repository /music/🎵", "repository /music/Élan vital")
    lines = _render([Check(name, True, "fine") for name in names]).splitlines()
    ends = {cell_width(line.removesuffix("fine")) for line in lines}
    assert ends == {max(cell_width(f"✓ {name}  ") for name in names)}


def test_many_repositories_that_are_well_are_one_line() -> None:
    checks = [Check("disk", True, "76 GiB are free"), *repositories(300)]
    assert _render(_fold(checks)).splitlines() == [
        "✓ disk              76 GiB are free",
        "✓ 300 repositories  nothing is wrong; --verbose shows each",
    ]


def test_every_trouble_keeps_its_line() -> None:
    wrong = [Check(f"repository /bad/{number}", False, "is gone", "Bring it back.") for number in range(9)]
    lines = _render(_fold([*repositories(6), *wrong])).splitlines()
    assert lines[0] == "✓ 6 repositories  nothing is wrong; --verbose shows each"
    assert lines[1:] == [line for check in wrong for line in (f"✗ {check.name}", "  is gone", "  do: Bring it back.")]


def test_a_few_stay_as_they_are() -> None:
    assert _fold(repositories(5)) == repositories(5)
