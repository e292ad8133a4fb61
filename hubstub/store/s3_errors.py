"""How the failures of an S3-compatible store become ours: told in full to the log, in one sentence to clients."""

from __future__ import annotations

import logging
from types import TracebackType

from museui.core.errors import NotFound, Unavailable

_log = logging.getLogger("hubstub.store")
_SHOWN = 500
_NO_BUCKET = "NoSuchBucket"
_HINT = "Try again in a moment. Whoever runs the hub: its log says more, and the store must run and have the bucket."


class s3_errors:
    """A context in which the store is asked for ``key``.

    Nothing there, or something else than was asked for, is :class:`NotFound`; everything else :class:`Unavailable`,
    also that the bucket is gone: nothing may be taken for lost because the store is.
    """

    def __init__(self, key: str = "") -> None:
        self._key = key

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError

        if isinstance(exc, (BaseError, OSError)) and _NO_BUCKET in str(exc):
            _log.error("the object store has no such bucket: %s", _first_line(exc))
            raise Unavailable("the hub's object store cannot be used: its bucket is gone", hint=_HINT) from exc
        if isinstance(exc, FileNotFoundError):
            raise NotFound(f"nothing is stored as {self._key}") from exc
        if isinstance(exc, PreconditionError):
            raise NotFound(f"what was stored as {self._key} has been replaced") from exc
        if isinstance(exc, (BaseError, OSError)):
            refused = isinstance(exc, (PermissionDeniedError, UnauthenticatedError)) or "AccessDenied" in str(exc)
            _log.warning("the object store %s: %s", "refused" if refused else "failed", _first_line(exc))
            why = "it refuses the hub's key" if refused else "it does not answer, or answered with an error"
            raise Unavailable(f"the hub's object store cannot be used: {why}", hint=_HINT) from exc


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip() or type(exc).__name__).splitlines()[0][:_SHOWN]
