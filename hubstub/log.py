"""The hub's log: lines on stderr, text or JSON, one for each request, never with a query or a token."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

logger = logging.getLogger("hubstub")
"""The hub's own; parts of it use children of it."""

LEVELS = ("debug", "info", "warning", "error")
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being served; every line that is logged meanwhile has it."""

_FACTS = "museui_facts"
_requests = logging.getLogger("hubstub.request")
_pushes = logging.getLogger("hubstub.push")
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by whatever watches the hub: a line for each only when it fails."""


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = f"{_timestamp(record.created)} {record.levelname.lower():7} {record.getMessage()}"
        facts = _facts_of(record)
        line += "".join(f" {name}={value}" for name, value in facts.items())
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "time": _timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts_of(record),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=str)


def _facts_of(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] = getattr(record, _FACTS, {})
    request_id = REQUEST_ID.get()
    return {**facts, "request_id": request_id} if request_id else facts


def _timestamp(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03}Z"


def configure_log(as_json: bool, level: str = "info") -> None:
    """Send every ``hubstub`` logger to stderr, from ``level`` (of :data:`LEVELS`) on; no library's own chatter."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if as_json else _TextFormatter())
    logger.handlers[:] = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


def log_facts(where: logging.Logger, message: str, **facts: Any) -> None:
    """An info line with named facts: ``name=value`` in text, members of the object in JSON."""
    where.info(message, extra={_FACTS: facts})


def log_request(scope: Any, status: int, seconds: float, sent_bytes: int) -> None:
    """The line of one request. The path is percent-encoded, so that nobody can write a line of their own."""
    caller = scope.get("caller")
    facts = {
        "method": quote(scope["method"], safe=""),
        "path": quote(scope["path"]),
        "status": status,
        "ms": round(seconds * 1000, 2),
        "bytes": sent_bytes,
        "user": caller.name if caller else "-",
        "client": scope["client"][0] if scope.get("client") else "-",
        "request_id": scope["request_id"],
    }
    probe = status < 400 and scope["path"] in _PROBES
    _requests.log(logging.DEBUG if probe else logging.INFO, "request", extra={_FACTS: facts})


def log_refusal(scope: Any, code: str, message: str) -> None:
    """The line of a push that was refused; what others wrote stands in it escaped."""
    caller = scope.get("caller")
    log_facts(
        _pushes,
        "push refused",
        method=quote(scope["method"], safe=""),
        path=quote(scope["path"]),
        code=code,
        reason=ascii(message[:500]),
        user=caller.name if caller else "-",
    )
