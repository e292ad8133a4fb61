"""The table of the ways of pushing, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from museui.core.errors import Usage
from museui.core.limits import Limits

from ..push_request import Strategy
from . import bundle, objects, stream
from .packed import Pack

WAYS: Mapping[str, Pack] = {"bundle": bundle.pack, "stream": stream.pack, "objects": objects.pack}
"""Strategy → the function that packs a push for it. What it returns sends itself."""


def choose_strategy(wanted: Strategy, offered: Collection[str], limits: Limits, fits_stream: Callable[[], bool]) -> str:
    """Return ``bundle``, ``stream`` or ``objects`` for a hub with the capabilities ``offered``.

    ``fits_stream`` is asked only when it matters.  By itself a push takes ``objects`` where there is nothing better.
    Raises :class:`Usage` when what was ``wanted`` cannot be.
    """
    if wanted in ("stream", "objects") and wanted not in offered:
        way = {"stream": "push/stream", "objects": "objects one at a time"}[wanted]
        raise Usage(f"this hub does not take {way}", hint="Use --strategy auto.")
    if wanted in ("bundle", "objects"):
        return wanted
    if "stream" in offered and fits_stream():
        return "stream"
    if wanted == "stream":
        raise Usage(
            f"this push is too large for --strategy stream: the hub takes {limits.stream_max_objects} objects and "
            f"{limits.stream_max_bytes} bytes that way",
            hint="Use --strategy auto.",
        )
    return "objects" if "objects" in offered and "bundle" not in offered else "bundle"
