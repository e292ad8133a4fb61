"""The real program in a process of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.forks import run_program


@dataclass(frozen=True)
class Answer:
    """What one run said and returned."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout, which must be one JSON document on one line."""
        (line,) = self.out.splitlines()
        return json.loads(line)


Museui = Callable[..., Answer]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder of the program's runs."""
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def museui(home: Path, tmp_path: Path) -> Iterator[Museui]:
    """Run ``museui`` with these arguments; ``cwd`` and further environment variables by keyword.

    The folder for sockets is apart, since the path of a socket must be short.
    """
    with tempfile.TemporaryDirectory(prefix="museui-run-") as runtime:
        yield _runner(home, tmp_path, runtime)


def _runner(home: Path, tmp_path: Path, runtime: str) -> Museui:

    def run(*arguments: str | Path, cwd: Path | None = None, **variables: str) -> Answer:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "PYTHONPATH") if name in os.environ}
        environment = kept | {"HOME": str(home), "USER": "ada", "XDG_RUNTIME_DIR": runtime} | variables
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        done = run_program("museui", [*map(str, arguments)], environment, cwd=cwd or tmp_path, strict=True)
        return Answer(done.code, done.out, done.err)

    return run
