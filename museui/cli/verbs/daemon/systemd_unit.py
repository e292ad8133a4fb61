"""The daemon as a systemd user unit: its text, and where it lies."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

NAME = "museui.service"

# What would keep the daemon from the repositories, which may be anywhere, is not here: ProtectHome, ProtectSystem,
# PrivateTmp. MemoryDenyWriteExecute would keep libffi from its callbacks.
_UNIT = """\
[Unit]
Description=MuseUI daemon: every commit on your hub
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
{environment}Restart=on-failure
RestartSec=10
RestartPreventExitStatus=2
TimeoutStartSec=120
TimeoutStopSec=30
WatchdogSec=180
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""


def unit_path() -> Path:
    """Where systemd looks for the user's units."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd" / "user" / NAME


def render_unit(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The unit that runs ``command`` with ``environment`` besides systemd's own."""
    variables = "".join(f"Environment={_quote(f'{name}={value}')}\n" for name, value in environment.items())
    words = " ".join(_quote(word).replace("$", "$$") for word in command)
    return _UNIT.format(command=words, environment=variables)


def _quote(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{escaped}"'
