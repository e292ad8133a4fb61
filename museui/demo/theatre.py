"""The demo on a terminal: the terminal interface in front of a stage that ends when the interface does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any

from museui.core.errors import Internal, MuseError, error_from_code

from ..edge.output import talk
from ..local.places import find_places
from ..local.programs import program_command, program_environment
from ..local.stop import stop_daemon

_END_S = 60.0


def open_demo(pace_s: float, environment: MutableMapping[str, str]) -> int:
    """Show the demo in this terminal until somebody leaves it; the exit code. Nothing of it is left then.

    ``environment`` is that of this process, which from now on lives in the demo's folder.
    """
    from museui.tui.preferences import read_keys, read_theme

    config = find_places().config
    theme, keys = read_theme(config), read_keys(config)
    talk("setting up a hub, a daemon and five repositories in a temporary folder …")
    folder = Path(tempfile.mkdtemp(prefix="museui-"))
    with tempfile.TemporaryFile("w+") as complaints:
        settled = private_environment(folder, environment)
        environment.clear()
        environment.update(settled)
        stage = _start_stage(folder, pace_s, complaints)

        def clear_away() -> None:
            _end(stage)
            shutil.rmtree(folder, ignore_errors=True)

        try:
            return _show(stage, complaints, theme, keys, clear_away)
        finally:
            clear_away()
            talk("nothing of it is left")


def private_environment(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` with everything of a person's, and the ways out, replaced by places in ``folder``."""
    proxies = ("http_proxy", "https_proxy", "all_proxy")
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("XDG_", "MUSEUI_")) and name.lower() not in proxies
    }
    home = folder / "home"
    names = {"CONFIG": ".config", "DATA": ".local/share", "CACHE": ".cache", "STATE": ".local/state"}
    places = {f"XDG_{name}_HOME": str(home / place) for name, place in names.items()}
    return kept | places | {"HOME": str(home), "XDG_RUNTIME_DIR": str(folder / "run")}


def _start_stage(folder: Path, pace_s: float, complaints: IO[str]) -> subprocess.Popen[str]:
    (folder / "home").mkdir()
    (folder / "run").mkdir(mode=0o700)
    return subprocess.Popen(
        program_command("museui.demo.stage", str(folder), str(pace_s)),
        env=program_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        text=True,
        start_new_session=True,  # no key of the terminal reaches it: it ends after us
    )


def _show(
    stage: subprocess.Popen[str],
    complaints: IO[str],
    theme: str | None,
    keys: Mapping[str, str],
    clear_away: Callable[[], None],
) -> int:
    from museui.tui.app import MuseApp
    from museui.tui.terminal import run_app

    ready = _hear(stage, complaints)
    app = MuseApp(theme=theme, keys=keys, banner=ready)
    failures: list[MuseError] = []

    def listen() -> None:
        try:
            while True:
                app.call_in_app(app.show_banner, _hear(stage, complaints))
        except MuseError as exc:
            failures.append(exc)
            app.call_in_app(app.exit, None)

    Thread(target=listen, name="listening", daemon=True).start()
    code = run_app(app, clear_away)
    if failures:
        raise failures[0]
    return code


def _hear(stage: subprocess.Popen[str], complaints: IO[str]) -> str:
    """The next thing that happens there. Raises what it ended in."""
    assert stage.stdout
    line = stage.stdout.readline()
    if line:
        told: dict[str, Any] = json.loads(line)
        if error := told.get("error"):
            raise error_from_code(error["code"], error["message"], error.get("hint") or "", error.get("details") or {})
        return str(told["said"])
    stage.wait(_END_S)
    complaints.seek(0)
    raise Internal("the demo's stage has ended", hint=complaints.read().strip()[-500:])


def _end(stage: subprocess.Popen[str]) -> None:
    """Let go of the stage, and wait until nothing of it is left."""
    assert stage.stdin
    stage.stdin.close()
    while stage.returncode is None:
        try:
            stage.wait()
        except KeyboardInterrupt:
            talk("wait: it is being cleared away …")
    if stage.returncode < 0:  # it was killed: what it would have ended is left
        with suppress(ProcessLookupError):
            os.killpg(stage.pid, signal.SIGKILL)
        stop_daemon()
