"""Opens the terminal interface: connects to the daemon first, so that its state arrives while Textual is imported."""

from __future__ import annotations

from museui.local.client import LocalClient
from museui.local.places import find_places
from museui.local.start import start_daemon

from .feed import Feed
from .preferences import read_keys, read_theme


def run() -> int:
    """Open the interface; return the exit code. Raises :class:`Usage` for unknown ids in ``[keys]``."""
    config = find_places().config
    theme, keys = read_theme(config), read_keys(config)
    feed = Feed(LocalClient, start_daemon)
    feed.start()

    from .app import MuseApp
    from .terminal import run_app

    return run_app(MuseApp(theme=theme, keys=keys, feed=feed))
