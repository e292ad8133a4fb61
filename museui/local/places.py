"""Where the daemon's things are: one set for each user, shared by the daemon and by those who look for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import Usage

SOCKET_NAME = "daemon.sock"
API_VERSION = 1
"""Stands in every path of the local API; a daemon that speaks another is not understood."""


MAX_SOCKET_PATH_BYTES = 103
"""Of what every system takes; Linux takes a few more."""


def check_socket_path(path: Path | str) -> None:
    """Raise :class:`Usage` when no socket can be at ``path``."""
    if (size := len(os.fsencode(path))) > MAX_SOCKET_PATH_BYTES:
        raise Usage(
            f"the socket's path is too long: {path} has {size} bytes, and may have {MAX_SOCKET_PATH_BYTES}",
            hint="Set XDG_RUNTIME_DIR to a short folder of yours, the same for every program of MuseUI.",
        )


@dataclass(frozen=True, slots=True)
class Places:
    """``config``: what is watched and how; ``data``: queue, history and lock; ``runtime``: the socket."""

    config: Path
    data: Path
    runtime: Path

    @property
    def socket(self) -> Path:
        """The local API's socket."""
        return self.runtime / SOCKET_NAME

    @property
    def database(self) -> Path:
        """Queue and history."""
        return self.data / "daemon.db"

    @property
    def lock(self) -> Path:
        """Held by the one daemon there is."""
        return self.data / "daemon.lock"

    @property
    def log(self) -> Path:
        """The daemon's log."""
        return self.data / "daemon.log"


def find_places() -> Places:
    """The present user's. Without ``XDG_RUNTIME_DIR`` the socket is beside the data, never in a shared folder."""
    import platformdirs

    data = platformdirs.user_data_path("museui")
    return Places(platformdirs.user_config_path("museui") / "config.toml", data, _runtime(data))


def find_socket() -> Path:
    """The socket of :func:`find_places`, without the import where the environment says it."""
    return find_places().socket if not os.environ.get("XDG_RUNTIME_DIR") else _runtime(Path()) / SOCKET_NAME


def _runtime(data: Path) -> Path:
    folder = os.environ.get("XDG_RUNTIME_DIR")
    return Path(folder) / "museui" if folder else data / "run"
