"""The five phases: their names, their order, their gates, and how one looks in `--json`."""

from __future__ import annotations

import json

from museui.core.phases import GATES, PHASES, TOTAL_GATE_S, PhaseEnded


def test_the_names_order_and_gates_are_fixed() -> None:
    assert PHASES == ("negotiate", "pack", "transfer", "index", "advance_ref")
    assert list(GATES.values()) == [0.5, 5.0, 5.0, 10.0, 0.5]
    assert TOTAL_GATE_S == 15.0


def test_a_phase_in_json_has_its_gate_and_a_copy_of_its_figures() -> None:
    detail = {"rounds": 2}
    shown = PhaseEnded("negotiate", 0.1234567, detail=detail).to_json()
    detail["rounds"] = 3
    assert shown == {"name": "negotiate", "seconds": 0.123457, "gate_seconds": 0.5, "ok": True, "detail": {"rounds": 2}}
    assert json.loads(json.dumps(PhaseEnded("pack", 1, ok=False).to_json()))["ok"] is False
