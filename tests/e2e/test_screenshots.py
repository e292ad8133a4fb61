"""The pictures in ``screenshots/`` are of the programs as they are: made again, and compared."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.helpers.hub import ROOT

_TRIES = 2
"""The pictures are of real pushes: on a very slow machine the daemon may try one of them more often."""


@pytest.mark.slow
@pytest.mark.timeout(600)  # some seventy pictures, of programs that take their time
def test_the_pictures_are_of_the_terminal_interface_as_it_is() -> None:
    for _ in range(_TRIES):
        done = subprocess.run(
            [sys.executable, ROOT / "screenshots" / "capture.py", "--check"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
        )
        if done.returncode == 0:
            return
    raise AssertionError(f"python screenshots/capture.py makes them anew\n{done.stdout}\n{done.stderr}")
