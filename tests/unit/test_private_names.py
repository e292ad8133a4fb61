"""The private names of other packages that MuseUI uses: a name that is gone is named with the part that needs it.

`pyproject.toml` has an upper bound for each of these packages, so a new version is tried here before users get it.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PRIVATE_NAMES = [
    ("granian", "granian._granian", "SocketHolder", "hubstub/server.py hands its socket to the server with it"),
    ("watchfiles", "watchfiles._rust_notify", "RustNotify", "daemon/watch/notices.py watches folders with it"),
    (
        "watchfiles",
        "watchfiles._rust_notify",
        "WatchfilesRustInternalError",
        "daemon/watch/notices.py tells by it that the system has no watches left",
    ),
    (
        "alembic",
        "alembic.script",
        "ScriptDirectory._upgrade_revs",
        "hubstub/index/migrate.py upgrades a database without an alembic.ini by it",
    ),
    ("httpx", "httpx._main", "", "museui/hub/http.py leaves this module out, to start faster"),
]


@pytest.mark.parametrize(("package", "module", "name", "use"), PRIVATE_NAMES)
def test_a_private_name_that_is_used_is_there(package: str, module: str, name: str, use: str) -> None:
    assert importlib.util.find_spec(module), f"{package} has no module {module} any more, and {use}"
    found: object = importlib.import_module(module) if name else None
    for part in name.split(".") if name else ():
        found = getattr(found, part, None)
        assert found is not None, f"{module} has no {name} any more, and {use}"


@pytest.mark.parametrize("package", sorted({row[0] for row in PRIVATE_NAMES}))
def test_a_package_whose_private_names_are_used_has_an_upper_bound(package: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["hub"]]
    lines = [line for line in declared if re.split(r"[\[<>=]", line)[0] == package]
    assert lines and "<" in lines[0], f"{package} has no upper bound in pyproject.toml"


def test_every_private_module_that_is_imported_is_listed() -> None:
    listed = {row[1] for row in PRIVATE_NAMES}
    pattern = re.compile(r"^\s*(?:from|import) ((?!museui|daemon|hubstub)[a-z]\w*(?:\.\w+)*\._\w+)", re.MULTILINE)
    used = {
        module
        for folder in ("museui", "daemon", "hubstub")
        for file in (ROOT / folder).rglob("*.py")
        for module in pattern.findall(file.read_text())
    }
    assert used and used <= listed
