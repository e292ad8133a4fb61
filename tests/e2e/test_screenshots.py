"""The pictures in ``screenshots/`` are of the programs as they are: made again, and compared."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.helpers.hub import ROOT


@pytest.mark.slow
@pytest.mark.timeout(600)  # some seventy pictures, of programs that take their time
def test_the_pictures_are_of_the_terminal_interface_as_it_is() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "screenshots" / "capture.py", "--check"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, f"python screenshots/capture.py makes them anew\n{done.stdout}\n{done.stderr}"
