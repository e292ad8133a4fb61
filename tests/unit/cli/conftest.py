"""What the tests of the verbs share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.program import Museui


@pytest.fixture
def song(museui: Museui, tmp_path: Path) -> Path:
    """A repository with one commit, made by the program."""
    root = tmp_path / "song"
    assert museui("init", root, "--domain", "midi").code == 0
    (root / "verse.txt").write_text("la la")
    assert museui("-C", root, "snapshot", "-m", "Start the song").code == 0
    return root
