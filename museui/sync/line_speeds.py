"""What is remembered of the lines to hubs: the speed that the last large upload reached, one number for each host."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

WORTH_REMEMBERING_BYTES = 4 << 20
_FILE = "lines.json"


def read_line_speed(folder: Path, host: str) -> float | None:
    """Bytes per second of the last upload to ``host``, ``None`` when none is remembered."""
    try:
        speed = json.loads((folder / _FILE).read_text())[host]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(speed) if isinstance(speed, (int, float)) and speed > 0 else None


def write_line_speed(folder: Path, host: str, bytes_per_s: float) -> None:
    """Remember a speed. Losing it costs a guess, so nothing is raised when it cannot be written."""
    with suppress(OSError):
        path = folder / _FILE
        try:
            speeds = json.loads(path.read_text())
        except (OSError, ValueError):
            speeds = {}
        speeds = {**(speeds if isinstance(speeds, dict) else {}), host: round(bytes_per_s)}
        partial = path.with_name(f"{_FILE}.{os.getpid()}")
        partial.write_text(json.dumps(speeds))
        partial.replace(path)
