"""The demo from the terminal interface: runs ``museui demo`` in the same terminal."""

from __future__ import annotations

import subprocess

from museui.local.programs import program_command, program_environment


def open_demo() -> int:
    """Run the demo, which takes over the terminal until it ends; return its exit code."""
    return subprocess.run(program_command("museui", "demo"), env=program_environment()).returncode
