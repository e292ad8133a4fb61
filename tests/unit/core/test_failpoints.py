"""Failpoints: a process dies where it was told to, and nowhere else."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("armed", "code"), [("here", -9), ("here:2", -9), ("here:3", 0), ("here:2:SIGTERM", -15), ("elsewhere", 0), ("", 0)]
)
def test_a_process_dies_at_the_place_that_is_armed_and_at_no_other(armed: str, code: int) -> None:
    twice = "failpoint('here'); failpoint('here')"
    program = f"from museui.core.failpoints import arm, failpoint; arm({armed!r}); {twice}"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == code
