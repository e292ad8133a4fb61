"""What the daemon tells, with fixed values in place of those that are others each time: so two runs are one picture.

Everything in the pictures is said by a real daemon of real pushes to a real hub. This stands between it and the
interface and replaces only what a clock, a line, a free port or a temporary folder makes different each time:

- the hub's address, by ``https://hub.local``, and the home folder, by ``/home/ada``, in every text, both ways;
- moments: of a push by its number, so that the newest ended just now and earlier ones ever longer ago;
- lengths of time: of a phase by its name and the push's number, of a probe, and what is usual;
- of a transfer that runs: how much is done, how fast, what is left; of one that is over: the bytes sent, since how well
  they are compressed depends on the line and on the compressor's version;
- the names that the hub gives: of pushes, bundles and requests; what it stores and still has to
  promote; the daemon's process, the room on its disk, and in
  which words the system says that a line is broken.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from museui.local.client import LocalClient

NOW = 1_790_000_000.0
"""What the clock of the pictures shows."""
HOME, HUB = "/home/ada", "https://hub.local"
_PID = 4711
_STARTED_AT = NOW - 3 * 86400.0
_LATENCY_S = 0.012
_USUAL_S = {"negotiate": 0.021, "pack": 0.09, "transfer": 0.16, "index": 0.11, "advance_ref": 0.006}
"""How long phases take; that of one push is up to half of it more or less."""
_COMPRESSED = 0.55
_RATE, _SHARE = 2.4 * (1 << 20), 0.615
_TEXTS = (
    (re.compile(r"answers in \d+ ms"), "answers in 12 ms"),
    (re.compile(r"\d+ GiB are free"), "120 GiB are free"),
    (re.compile(r"(cannot reach \S+): [^\"\\]+"), r"\1: connection refused"),
    (re.compile(r"process \d+"), f"process {_PID}"),
)


class Fixed:
    """``names``: what is so in truth → what it is called."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = dict(names)
        self.newest_push = self.newest_line = 0
        """The numbers of the newest push that is over, and of the newest line of the log."""

    def call(self, text: str) -> str:
        """A text with the names of the pictures."""
        for real, name in self.names.items():
            text = text.replace(real, name)
        for pattern, said in _TEXTS:
            text = pattern.sub(said, text)
        return text

    def recall(self, text: str) -> str:
        """A text of the interface with the true names."""
        for real, name in self.names.items():
            text = text.replace(name, real).replace(quote(name, safe=""), quote(real, safe=""))
        return text

    def fix(self, document: Any) -> Any:
        """An answer or an event of the daemon, fixed."""
        return self._fix(json.loads(self.call(json.dumps(document, ensure_ascii=False))))

    def _fix(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._fix(item) for item in value]
        if not isinstance(value, dict):
            return value
        value = {key: self._fix(item) for key, item in value.items()}
        for marks, fix in _KINDS.items():
            if marks <= value.keys():
                fix(self, value)
        return value

    def fix_daemon(self, item: dict[str, Any]) -> None:
        item |= {"pid": _PID, "started_at": _STARTED_AT}

    def fix_hub(self, item: dict[str, Any]) -> None:
        again = None if item["next_probe_at"] is None else NOW + 4.0
        latency_s = None if item["latency_s"] is None else _LATENCY_S
        item |= {"since": NOW - 90.0, "latency_s": latency_s, "next_probe_at": again}

    def fix_repository(self, item: dict[str, Any]) -> None:
        item["safe_at"] = item["safe_at"] and NOW - 5.0
        item["unsafe_since"] = item["unsafe_since"] and NOW - 90.0
        if item["paused_until"] is not None:
            item["paused_until"] = NOW + 7200.0

    def fix_entry(self, item: dict[str, Any]) -> None:
        item |= {"queued_at": NOW - 40.0, "tries": 3 if item["tries"] else 0}
        if item["next_try_at"] is not None:
            item["next_try_at"] = NOW + 8.0

    def fix_log(self, item: dict[str, Any]) -> None:
        item["at"] = _moment(item["id"], self.newest_line)

    def fix_storage(self, item: dict[str, Any]) -> None:
        item |= {"used_bytes": 31 << 20, "waiting_bundles": 0, "waiting_bytes": 0}

    def fix_trouble(self, item: dict[str, Any]) -> None:
        if "request_id" in item["details"]:
            item["details"]["request_id"] = _name("request", 1)[:12]

    def fix_usual(self, item: dict[str, Any]) -> None:
        for name, figures in item.items():
            usual_s = _USUAL_S.get(name, sum(_USUAL_S.values()))
            figures |= {"p50_s": usual_s, "p95_s": usual_s * 1.4}

    def fix_push(self, item: dict[str, Any]) -> None:
        number, began_s = item["id"], 0.0
        running = item["result"] == "running"
        item["wire_bytes"] = int(item["raw_bytes"] * _COMPRESSED)
        for phase in item["phases"]:
            length_s = _USUAL_S[phase["name"]] * (0.5 + _chance(phase["name"], number))
            if phase["name"] == "transfer":
                length_s += item["wire_bytes"] / _RATE
            phase |= {"began_s": began_s, "seconds": length_s}
            phase["detail"] = {key: value for key, value in phase["detail"].items() if key == "already_present"}
            began_s += length_s
        item["total_seconds"] = began_s
        item["ended_at"] = None if running else _moment(number, self.newest_push)
        item["started_at"] = (NOW if running else item["ended_at"]) - began_s
        item |= {"slower": None, "tries": 3 if item["tries"] > 1 else 1}
        item["push_id"] = item["push_id"] and _name("push", number)[:26]
        item["bundle_id"] = item["bundle_id"] and f"sha256:{_name('bundle', number)}"
        if running:
            self._fix_transfer(item)

    def _fix_transfer(self, item: dict[str, Any]) -> None:
        """Let it be as far as it is in the pictures."""
        phase, total = item["phases"][-1], item["wire_bytes"]
        done = int(total * _SHARE)
        phase |= {"done": done, "total": total, "unit": "bytes", "seconds": done / _RATE}
        item |= {"bytes_per_s": _RATE, "left_s": (total - done) / _RATE}
        item["started_at"] = NOW - phase["began_s"] - phase["seconds"]


_KINDS: dict[frozenset[str], Callable[[Fixed, dict[str, Any]], None]] = {
    frozenset({"pid", "watches"}): Fixed.fix_daemon,
    frozenset({"base", "reachable"}): Fixed.fix_hub,
    frozenset({"watched_branches", "safe_at"}): Fixed.fix_repository,
    frozenset({"queued_at", "next_try_at"}): Fixed.fix_entry,
    frozenset({"level", "at"}): Fixed.fix_log,
    frozenset({"code", "details", "retryable"}): Fixed.fix_trouble,
    frozenset({"total", "negotiate"}): Fixed.fix_usual,
    frozenset({"phases", "result"}): Fixed.fix_push,
    frozenset({"used_bytes", "waiting_bundles"}): Fixed.fix_storage,
}
"""What an item of the API is known by, and what is fixed of it."""


def _moment(number: int, newest: int) -> float:
    gone_s: float = 420.0 * max(0, newest - number) ** 1.5
    return NOW - 20.0 - gone_s


def _chance(what: str, number: int) -> float:
    return int(_name(what, number)[:8], 16) / (1 << 32)


def _name(what: str, number: int) -> str:
    return hashlib.sha256(f"{what} {number}".encode()).hexdigest()


class FixedClient(LocalClient):
    """The way to the daemon, through :class:`Fixed`."""

    def __init__(self, socket: str, fixed: Fixed) -> None:
        super().__init__(socket)
        self._fixed = fixed

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer of one request."""
        return self._fixed.fix(super().ask(method, self._fixed.recall(path), self._recall(body)))

    def stream(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """The lines of an answer that goes on."""
        for line in super().stream(method, self._fixed.recall(path), self._recall(body)):
            yield self._fixed.fix(line)

    def _recall(self, body: Mapping[str, Any] | None) -> Any:
        return None if body is None else json.loads(self._fixed.recall(json.dumps(body)))
