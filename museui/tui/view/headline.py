"""The headline: one line that says whether every commit is on the hub."""

from __future__ import annotations

from dataclasses import dataclass

from museui.core.figures import render_seconds
from museui.local.messages import HubView
from museui.local.state import State

from .clock import render_age
from .status import PAUSED, Tone

_NEEDS_PERSON = {"stopped", "missing", "unreadable", "damaged", "no_remote"}
_RESTING: tuple[tuple[str, str, Tone], ...] = (
    ("paused", PAUSED, "wait"),
    ("cancelled", "✗", "wait"),
    ("looking", "·", "quiet"),
    ("empty", "○", "quiet"),
)

_GONE = "the daemon is gone, r starts it"


@dataclass(frozen=True, slots=True)
class Part:
    """A few words of the headline in one tone."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Headline:
    """The headline. ``verdict`` says whether all is safe, ``places`` how daemon and hubs are; ``tone`` is the worst."""

    tone: Tone
    verdict: tuple[Part, ...]
    places: tuple[Part, ...]


def make_headline(state: State, now: float, connected: bool, starting: bool = False) -> Headline:
    """Return the headline of a state. ``connected``: the daemon answers; ``starting``: it is being started."""
    if not state.daemon:
        return Headline("quiet", (), ())
    daemon = _daemon(state, now, connected)
    if not connected:
        why = Part("not known: starting the daemon …", "busy") if starting else Part(f"not known: {_GONE}", "bad")
        return Headline(why.tone, (why,), (daemon,))
    places = (daemon, *map(_hub, sorted(state.hubs.values(), key=lambda hub: hub.base)))
    verdict = _verdict(state)
    return Headline(_worst(verdict), verdict, places)


def _verdict(state: State) -> tuple[Part, ...]:
    repositories = list(state.repositories.values())
    if not repositories:
        return (Part("nothing is watched yet", "quiet"),)
    needs = sum(item.state in _NEEDS_PERSON for item in repositories)
    pushing = sum(item.state == "pushing" for item in repositories)
    waiting = sum(item.state == "waiting" for item in repositories)
    behind = sum(item.state == "behind" for item in repositories)
    parts: list[Part] = []
    if needs:
        parts.append(Part(f"✗ {needs} need{'s' if needs == 1 else ''} you", "bad"))
    if waiting:
        parts.append(Part(f"↑ {waiting} queued", "wait"))
    if pushing:
        parts.append(Part(f"◐ {pushing} pushing", "busy"))
    if behind:
        parts.append(Part(f"↓ {behind} behind", "wait"))
    for word, symbol, tone in _RESTING:
        if count := sum(item.state == word and not item.safe for item in repositories):
            parts.append(Part(f"{symbol} {count} {word}", tone))
    safe = sum(item.safe for item in repositories)
    if not parts:
        parts.append(Part(f"✓ all {safe} safe" if safe > 1 else "✓ all safe", "good"))
    elif safe:
        parts.append(Part("✓ all else safe", "good"))
    return tuple(parts)


def _worst(parts: tuple[Part, ...]) -> Tone:
    order: tuple[Tone, ...] = ("bad", "wait", "busy", "good", "quiet")
    return min((part.tone for part in parts), key=order.index)


def _daemon(state: State, now: float, connected: bool) -> Part:
    if not connected:
        return Part("daemon ○ gone", "bad")
    daemon = next(iter(state.daemon.values()))
    if daemon.watching_trouble or daemon.troubles:
        return Part("daemon ● look at it", "wait")
    age = render_age(now - daemon.started_at)
    return Part("daemon ●" if age == "now" else f"daemon ● {age}", "good")


def _hub(hub: HubView) -> Part:
    name = f"{hub.user}@{hub_name(hub)}" if hub.user else hub_name(hub)
    if hub.reachable is None:
        return Part(f"{name} …", "quiet")
    if not hub.reachable:
        return Part(f"{name} ○ gone", "bad")
    return Part(f"{name} ● {render_seconds(hub.latency_s) if hub.latency_s is not None else ''}".rstrip(), "good")


def hub_name(hub: HubView) -> str:
    """Return the hub's address without its scheme."""
    return hub.base.partition("://")[2] or hub.base
