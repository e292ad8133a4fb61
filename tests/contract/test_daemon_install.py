"""``museui daemon install``: what it writes is what systemd and launchd take, and nothing is half done."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from museui.cli.verbs.daemon.launchd_agent import render_agent
from museui.cli.verbs.daemon.systemd_unit import render_unit
from tests.helpers.daemon import DaemonProcess

WORDS = ["/opt/a b/python", "-m", '100% $HOME \\ "quoted"']
VARIABLES = {"PYTHONPATH": '/a b/%h:$x "y"'}


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    process = DaemonProcess()
    yield process
    process.close()


def verify(unit: str, folder: Path) -> str:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    (folder / "museui.service").write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(folder / "museui.service")],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
    )
    return done.stderr if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}"


def test_systemd_takes_the_unit_without_a_word(daemon: DaemonProcess, tmp_path: Path) -> None:
    document = daemon.json("daemon", "install", "--kind", "systemd", "--no-start")
    path = daemon.home / ".config/systemd/user/museui.service"
    assert document == {"ok": True, "kind": "systemd", "path": str(path), "started": False}
    unit = path.read_text()
    assert verify(unit, tmp_path) == ""
    for line in ("Type=notify", "Restart=on-failure", "NoNewPrivileges=yes", "WantedBy=default.target"):
        assert line in unit.splitlines()
    assert "Protect" not in unit and "PrivateTmp" not in unit
    assert daemon.json("daemon", "uninstall", "--kind", "systemd")["removed"] is True
    assert not path.exists()
    assert daemon.json("daemon", "uninstall", "--kind", "systemd")["removed"] is False


def test_a_check_of_the_unit_sees_what_is_wrong(tmp_path: Path) -> None:
    assert "no-such-program" in verify(render_unit(["/no-such-program"], {}), tmp_path)


def test_names_with_special_characters_are_quoted_for_systemd(tmp_path: Path) -> None:
    program = tmp_path / "a b%"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = render_unit([str(program), *WORDS[1:]], VARIABLES)
    assert verify(unit, tmp_path) == ""
    assert r'"100%% $$HOME \\ \"quoted\""' in unit
    assert r'Environment="PYTHONPATH=/a b/%%h:$x \"y\""' in unit


def test_the_agent_of_launchd_is_a_property_list(daemon: DaemonProcess) -> None:
    path = Path(daemon.json("daemon", "install", "--kind", "launchd", "--no-start")["path"])
    agent = plistlib.loads(path.read_bytes())
    assert path == daemon.home / "Library/LaunchAgents/museui.daemon.plist"
    assert agent["ProgramArguments"][1:] == ["-P", "-m", "daemon"]
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert daemon.json("daemon", "uninstall", "--kind", "launchd")["removed"] is True
    odd = plistlib.loads(render_agent(WORDS, VARIABLES).encode())
    assert (odd["ProgramArguments"], odd["EnvironmentVariables"]) == (WORDS, VARIABLES)


def test_where_nobody_keeps_services_nothing_is_written(daemon: DaemonProcess) -> None:
    done = daemon.museui("daemon", "install", "--kind", "launchd", expect=2)
    assert "there is no launchctl here" in done.stderr and "museui daemon start" in done.stderr
    assert not (daemon.home / "Library").exists() or not any((daemon.home / "Library/LaunchAgents").iterdir())
