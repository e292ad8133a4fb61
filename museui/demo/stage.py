"""The demo's stage: a hub, a daemon and repositories in one folder, for as long as somebody looks on.

A process of its own, which ``museui demo`` starts with the environment that leads to that folder. It ends, and leaves
nothing, when its stdin does: so however the one who looks on has ended, it is noticed. Its stdout has what happens, a
line of JSON for each: ``{"said": …}``, the first when all is there, or ``{"error": …}`` at last.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from museui.core.errors import MuseError
from museui.repo.identity import Identity, identity_path, key_for, write_identity

from ..local.hub_process import HubProcess
from ..local.places import find_places
from ..local.start import start_daemon
from ..local.stop import stop_daemon
from .script import FIRST, OTHERS, Script

_CONFIG = """\
[daemon]
upload_limit = "1 MiB/s"

[notify]
desktop = false
"""


class _Over(Exception):
    """Nobody looks on any longer."""


class _Audience:
    """Those who look on: they have gone when stdin has ended, or somebody sent SIGTERM."""

    def __init__(self) -> None:
        self._ends, told = os.pipe()
        signal.signal(signal.SIGTERM, lambda *_: os.write(told, b"."))

    def wait(self, seconds: float) -> None:
        """Wait so long. Raises :class:`_Over`; nothing else here is ever broken off."""
        if select.select([sys.stdin, self._ends], [], [], seconds)[0]:
            raise _Over


def main() -> int:
    """``demo_stage FOLDER PACE_S``: play until nobody looks on; the exit code, 2 where this is no demo's folder."""
    folder, pace_s = Path(sys.argv[1]), float(sys.argv[2])
    if Path.home() != folder / "home":  # the folder is removed in the end
        return 2
    hub, audience = HubProcess(folder / "hub"), _Audience()
    try:
        _play(folder, hub, audience, pace_s)
    except _Over:
        return 0
    except MuseError as exc:
        _tell({"error": exc.to_json()})
        return 1
    finally:
        try:
            stop_daemon()
        finally:
            hub.stop()
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _play(folder: Path, hub: HubProcess, audience: _Audience, pace_s: float) -> None:
    config = find_places().config
    config.parent.mkdir(parents=True)
    config.write_text(_CONFIG)
    with ThreadPoolExecutor(1) as threads:
        daemon = threads.submit(start_daemon)
        hub.start()
        path = identity_path()
        write_identity(Identity(key_for(hub.url, path), hub.token, name=hub.owner), path)
        script = Script(folder, hub, audience.wait, lambda said: _tell({"said": said}))
        script.prepare(FIRST)
        daemon.result()
    script.watch(FIRST)
    _tell({"said": "a hub, a daemon and five repositories, gone when you leave"})
    script.prepare(*OTHERS)
    script.watch(*OTHERS)
    audience.wait(pace_s)
    script.play(pace_s)


def _tell(document: object) -> None:
    """One line on stdout; whoever read it may be gone, which is noticed elsewhere."""
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), json.dumps(document).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
