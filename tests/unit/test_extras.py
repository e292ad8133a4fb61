"""The extra ``museui[hub]``: everything but the hub runs without its packages, and the hub says how to get them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from museui.local.programs import HUB_PACKAGES

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
BLOCK = f"import sys\nfor name in {HUB_PACKAGES!r}:\n    sys.modules[name] = None\n"
HINT = "Install it with: pip install 'museui[hub]'"


def distribution(requirement: str) -> str:
    found = re.match(r"[\w-]+", requirement)
    assert found
    return found[0].lower().replace("_", "-")


def test_the_extra_is_what_the_hub_is_asked_for_and_no_part_of_the_client() -> None:
    known = packages_distributions()
    needed = {known[name][0].lower().replace("_", "-") for name in HUB_PACKAGES}
    assert {distribution(item) for item in EXTRAS["hub"]} == needed
    assert not needed & {distribution(item) for item in PROJECT["dependencies"]}


@pytest.mark.parametrize("extra", ["postgres", "s3"])
def test_extras_of_the_hub_include_it(extra: str) -> None:
    assert "museui[hub]" in EXTRAS[extra]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of programs that find none of the hub's packages."""
    folder = tmp_path_factory.mktemp("without")
    (folder / "sitecustomize.py").write_text(BLOCK)
    home = tmp_path_factory.mktemp("home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MUSEUI_"))}
    return kept | {"HOME": str(home), "USER": "ada", "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def run(environment: dict[str, str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", "from museui.__main__ import main; main()", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "words", [("hub", "serve"), ("hub", "--help"), ("demo",), ("demo", "--summary"), ("bench",)], ids=" ".join
)
def test_what_needs_a_hub_says_how_to_install_it(
    words: tuple[str, ...], environment: dict[str, str], tmp_path: Path
) -> None:
    done = run(environment, tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: a hub needs the package alembic\nhint: {HINT}\n"


def test_with_json_it_is_the_error_document(environment: dict[str, str], tmp_path: Path) -> None:
    done = run(environment, tmp_path, "hub", "stats", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["hint"]) == ("usage", HINT)


def test_everything_else_of_the_client_runs(environment: dict[str, str], tmp_path: Path) -> None:
    for words, exit_code in (
        (("--help",), 0),
        (("init",), 0),
        (("snapshot", "-m", "one", "--allow-empty"), 0),
        (("status",), 1),
        (("doctor",), 0),
        (("daemon", "start"), 0),
        (("watch", "list"), 0),
        (("daemon", "stop"), 0),
        (("push", "--remote", "http://127.0.0.1:1/ada/song"), 3),
    ):
        done = run(environment, tmp_path, *words)
        assert done.returncode == exit_code, (words, done.stdout, done.stderr)
    script = "import daemon.__main__, daemon.service, museui.tui.app, museui.tui.start, museui.cli.verbs.push"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
