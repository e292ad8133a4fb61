"""How the pages write things: counts, times, ids, and foreign text, which is never trusted to look like what it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from museui.core.printable import CONTROLS, UNSEEN

if TYPE_CHECKING:
    from markupsafe import Markup

_UNSEEN = re.compile(f"([{CONTROLS}{UNSEEN}](?<![\\t\\n]))")
"""Lines and tabs are what HTML makes of them."""
_STEPS = ((60.0, "s"), (3600.0, "min"), (86400.0, "h"), (30 * 86400.0, "d"))


def render_foreign(text: str, max_chars: int = 4096) -> Markup:
    """``text`` escaped; characters nobody can see are named; cut at ``max_chars``."""
    from markupsafe import Markup, escape

    shown = text[:max_chars]
    parts = _UNSEEN.split(shown)
    html = [
        Markup('<span class="unseen">U+{:04X}</span>').format(ord(part)) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    ]
    return Markup("").join(html) + ("…" if len(text) > max_chars else "")


def render_name(text: str, max_chars: int = 300) -> Markup:
    """A foreign name on one line, kept from turning the text around it."""
    from markupsafe import Markup

    return Markup("<bdi>{}</bdi>").format(render_foreign(" ".join(text.split()) if "\n" in text else text, max_chars))


def plain_name(text: str) -> str:
    """``text`` without the characters nobody can see, for places that hold no markup."""
    return _UNSEEN.sub("\ufffd", text)


def render_count(number: int, singular: str, plural: str = "") -> str:
    """``1 file``, ``1,035 files``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def render_seconds(seconds: float) -> str:
    """``21 ms``, ``1.21 s``, ``5 min``."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.00995 else f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.2f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:,.0f} h"


def render_ago(moment: float, now: float) -> str:
    """How long before ``now`` (both Unix seconds); the date when it is long."""
    passed = now - moment
    if passed < 5:
        return "just now"
    size = 1.0
    for limit, unit in _STEPS:
        if passed < limit:
            return f"{passed / size:.0f} {unit} ago"
        size = limit if unit != "h" else 86400.0
    return render_date(moment)


def render_date(moment: float) -> str:
    """``22 Nov 2026``."""
    return f"{datetime.fromtimestamp(moment, UTC):%-d %b %Y}"


def render_moment(moment: float) -> str:
    """``2026-11-22 14:02:03 UTC``."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"


def render_iso(moment: float) -> str:
    """``2026-11-22T14:02:03Z``, for programs that read the page."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}Z"


def render_commit_time(text: str) -> str:
    """A record's ``committed_at`` for people, in the offset it was written with; as it stands when it is no time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return plain_name(text[:40])
    zone = moment.strftime("%z")
    zone = " UTC" if zone == "+0000" else f" {zone[:3]}:{zone[3:5]}" if zone else ""
    return f"{moment:%-d %b %Y, %H:%M}{zone}"
