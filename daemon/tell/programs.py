"""The news by a program: a notification on the desktop where there is one, and the command of one's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from museui.core.errors import Unavailable, Usage

from .news import News

_RUN_S = 60.0
_SCRIPT = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


def desktop_command(news: News, environment: Mapping[str, str] = os.environ) -> list[str] | None:
    """The command line that shows it, ``None`` where there is no desktop."""
    if sys.platform == "darwin" and (program := shutil.which("osascript")):
        return [program, *(word for line in _SCRIPT for word in ("-e", line)), news.title, news.text]
    there = any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"))
    program = shutil.which("notify-send", path=environment.get("PATH"))
    if not there or program is None:
        return None
    urgency = "critical" if news.event == "unsafe" else "normal"
    return [program, "--app-name=MuseUI", f"--urgency={urgency}", "--", news.title, news.text]


async def run_program(command: Sequence[str], variables: Mapping[str, str]) -> str:
    """Run it to its end with ``variables`` besides ours; what it came to.

    Raises :class:`Usage` when it cannot be run, :class:`Unavailable` when it fails or takes more than a minute.
    """
    environment = {**os.environ, **variables}
    environment.pop("NOTIFY_SOCKET", None)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as exc:
        raise Usage(f"{command[0]!r:.200} cannot be run: {exc}"[:300]) from exc
    try:
        async with asyncio.timeout(_RUN_S):
            code = await process.wait()
    except TimeoutError as exc:
        raise Unavailable(f"{command[0]!r:.200} did not end within {_RUN_S:g} seconds") from exc
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if code:
        raise Unavailable(f"{command[0]!r:.200} ended with exit code {code}")
    return "exit code 0"
