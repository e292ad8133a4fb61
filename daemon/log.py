"""The daemon's log: a file that rotates, stderr for whoever runs it there, and the board for who looks on."""

from __future__ import annotations

import logging
import os
from io import TextIOWrapper
from itertools import count
from logging.handlers import RotatingFileHandler
from pathlib import Path

from museui.local.messages import LogLine

from .board import Board

_MAX_BYTES = 2 << 20
_KEPT = 3
_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


class _PrivateFile(RotatingFileHandler):
    """For its user alone, also each file that comes after a rotation."""

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        os.fchmod(stream.fileno(), 0o600)
        return stream


def open_log(path: Path, *, background: bool) -> None:
    """Send what the daemon says to ``path``, which rotates, and unless in the ``background`` to stderr."""
    handlers: list[logging.Handler] = [_PrivateFile(path, maxBytes=_MAX_BYTES, backupCount=_KEPT)]
    if not background:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(logging.Formatter(_FORMAT))
    for name in ("daemon", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers[:] = handlers
        logger.setLevel(logging.INFO)
        logger.propagate = False
    logging.raiseExceptions = False  # a disk that is full must not fill what stderr was sent to


class BoardHandler(logging.Handler):
    """Shows lines on the board. Only for the loop's own thread, in which all of ours are written."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board
        self._numbers = count(1)

    def emit(self, record: logging.LogRecord) -> None:
        number = next(self._numbers)
        line = LogLine(number, record.created, record.levelname.lower(), record.getMessage())
        self._board.put("log", str(number), line)
