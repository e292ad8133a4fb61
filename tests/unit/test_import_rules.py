"""Who may import whom: the contracts of `pyproject.toml`, and what a running program really has loaded.

Laziness cannot be seen in the source, so what an import pulls in is looked up in `sys.modules` of a fresh process.
"""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "museui" / "core").glob("*.py"))
HEAVY = {
    "aiosqlite", "cryptography", "daemon", "granian", "httpx", "hubstub", "rich", "sqlalchemy", "starlette", "textual",
    "watchfiles",
}  # fmt: skip
IMPURE = HEAVY | {"asyncio", "click", "multiprocessing", "platformdirs", "socket", "sqlite3", "ssl", "subprocess"}
CORE_MAY_IMPORT = {
    "__future__", "base64", "binascii", "bisect", "collections", "concurrent", "contextlib", "cryptography",
    "dataclasses", "errno", "functools", "hashlib", "ipaddress", "itertools", "math", "msgpack", "re", "struct",
    "types", "typing", "unicodedata", "zstandard",
}  # fmt: skip
ENDS_THE_PROCESS = {"failpoints", "early"}
WHAT_ENDS_MAY_IMPORT_TOO = {"os", "signal", "types"}
BROUGHT_BY_OTHERS = {"certifi", "idna", "markupsafe", "urllib3"}  # httpx, jinja2 and minio show them
OPTIONAL = {"botocore", "minio", "obstore"}
NOT_PURE = {"open", "print", "input", "eval", "exec", "__import__"}


def module_names(package: str) -> list[str]:
    """Every module of ``package``, itself first; but not the steps of migrations, which Alembic alone loads."""
    files = sorted((ROOT / package.replace(".", "/")).rglob("*.py"))
    files = [file for file in files if file.parent.name != "versions"]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return sorted(name.removesuffix(".__init__") for name in names if not name.endswith("__main__"))


@functools.cache
def loaded_after(statement: str) -> set[str]:
    """The names of all modules a fresh Python has loaded once it ran ``statement``."""
    program = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{statement}\nprint(*sys.modules, file=sys.__stdout__)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


def library_names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", line)[0].lower() for line in requirements}


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] in ("museui", "hubstub", "daemon")}


def test_the_contracts_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    run = subprocess.run(
        [str(linter), "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 broken" in run.stdout


def test_the_package_itself_imports_nothing() -> None:
    tree = ast.parse((ROOT / "museui" / "__init__.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert ours(loaded_after("import museui")) == {"museui"}


def test_the_vocabulary_loads_nothing_of_the_network_or_the_database_and_nothing_else_of_ours() -> None:
    names = module_names("museui.core")
    loaded = loaded_after("import " + ", ".join(names))
    assert ours(loaded) == {"museui", *names}
    assert not packages(loaded) & IMPURE


@pytest.mark.parametrize("statement", ["import museui.cli.main", "from museui.cli.main import run; run(['--help'])"])
def test_the_command_line_starts_without_what_only_some_verbs_need(statement: str) -> None:
    assert not packages(loaded_after(statement)) & (HEAVY | {"asyncio", "msgpack", "zstandard", "tomlkit"})


def test_the_hub_loads_nothing_of_the_client_but_vocabulary_and_command_line_edge() -> None:
    loaded = loaded_after("import " + ", ".join(module_names("hubstub")))
    foreign = {name for name in ours(loaded) if name.startswith("museui.")} - {"museui.core", "museui.edge"}
    assert all(name.startswith(("museui.core.", "museui.edge.")) for name in foreign), sorted(foreign)


def test_the_hub_starts_without_what_only_an_s3_store_needs() -> None:
    loaded = loaded_after("import " + ", ".join(module_names("hubstub")))
    assert not packages(loaded) & OPTIONAL


def test_the_hub_starts_without_what_only_its_pages_need() -> None:
    loaded = loaded_after("import " + ", ".join(module_names("hubstub")))
    assert not packages(loaded) & {"jinja2", "markupsafe"}


def test_the_client_loads_no_hub_no_server_and_no_database() -> None:
    loaded = loaded_after("import " + ", ".join(module_names("museui")))
    assert not packages(loaded) & {"daemon", "hubstub", "granian", "starlette", "sqlalchemy", "aiosqlite", "watchfiles"}


def test_the_daemon_loads_no_hub_no_command_line_and_no_server() -> None:
    loaded = loaded_after("import " + ", ".join(module_names("daemon")))
    assert not packages(loaded) & {"hubstub", "click", "granian", "rich", "sqlalchemy", "starlette"}
    assert not [name for name in loaded if name.startswith("museui.cli")]


def test_asking_the_daemon_needs_no_http_library_and_no_event_loop() -> None:
    loaded = loaded_after("import museui.cli.verbs.push, museui.local.client")
    assert not packages(loaded) & (HEAVY | {"asyncio", "ssl", "tomlkit", "zstandard"})
    assert (
        "museui.local.messages" not in loaded
    )  # dozens of declared types; what the daemon says of a push is passed on


def test_a_request_loads_no_second_event_loop_no_http2_and_no_terminal() -> None:
    loaded = loaded_after("from museui.hub.http import httpx\nhttpx.AsyncClient(verify=False)")
    assert not packages(loaded) & {"trio", "h2", "rich", "pygments"}
    assert not any(name in loaded for name in ("httpx._main", "httpcore._async.http2"))


def test_whoever_asks_for_http2_gets_it() -> None:
    loaded = loaded_after(
        "from museui.hub.http import httpx\nhttpx.AsyncClient(http2=True)\nimport httpcore._async.http2"
    )
    assert "h2" in packages(loaded)


@pytest.mark.parametrize("file", CORE, ids=lambda file: file.stem)
def test_the_vocabulary_touches_no_clock_no_environment_and_no_file(file: Path) -> None:
    allowed = CORE_MAY_IMPORT | (WHAT_ENDS_MAY_IMPORT_TOO if file.stem in ENDS_THE_PROCESS else set())
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= allowed, f"line {node.lineno}"
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1 or (node.module or "").partition(".")[0] in allowed, f"line {node.lineno}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in NOT_PURE, f"line {node.lineno}"
        elif isinstance(node, ast.Attribute):
            assert node.attr not in ("environ", "getenv"), f"line {node.lineno}"


def test_every_library_that_is_imported_is_declared_and_the_other_way_round() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = library_names(project["dependencies"])
    extras = [library_names(lines) for extra, lines in project["optional-dependencies"].items() if extra != "dev"]
    imported: set[str] = set()
    for file in [*(ROOT / "museui").rglob("*.py"), *(ROOT / "hubstub").rglob("*.py"), *(ROOT / "daemon").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])
    libraries = imported - sys.stdlib_module_names - {"museui", "hubstub", "daemon"} - BROUGHT_BY_OTHERS
    assert needed <= libraries <= needed.union(*extras)
