"""The daemon as a launchd agent of the present user: its property list, and where it lies."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping, Sequence
from pathlib import Path

LABEL = "museui.daemon"


def agent_path() -> Path:
    """Where launchd looks for the user's agents."""
    return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"


def render_agent(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The agent that runs ``command`` at every login, and again when it fails."""
    agent = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "EnvironmentVariables": dict(environment),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": 30,
        "ProcessType": "Background",
        "Umask": 0o077,
    }
    return plistlib.dumps(agent).decode()
