"""The demo from the terminal interface: ``museui demo`` in the same terminal, until it is left."""

from __future__ import annotations

import subprocess

from museui.local.programs import program_command, program_environment


def open_demo() -> int:
    """Run the demo, which has the terminal for so long; its exit code."""
    return subprocess.run(program_command("museui", "demo"), env=program_environment()).returncode
