"""The one tree of errors: what a caller can do about a failure decides the class.

Each class has a stable ``code`` (the wire and ``--json`` show it), whether a retry is worth it, the
HTTP status a hub answers with (``None``: the error never leaves the machine it happened on), and the
exit code of the command line.  ``docs/protocol.md`` lists the codes; a test compares the two.
"""

from __future__ import annotations

from typing import Any, ClassVar

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_RETRY = 3
EXIT_CONFLICT = 4
EXIT_DENIED = 5
EXIT_INTERRUPTED = 130


def shown(value: object, limit: int = 80) -> str:
    """``value`` as a message shows it: at most ``limit`` characters of it, and of a container only its kind.

    Never recursive, never as long as what was sent: foreign values nest and grow without bound.
    """
    if isinstance(value, (str, bytes)):
        return repr(value[:limit]) + ("…" if len(value) > limit else "")
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and value.bit_length() <= 64):
        return repr(value)
    return f"a value of type {type(value).__name__}"


class MuseError(Exception):
    """Something that could not be done: what (``message``), what to do (``hint``), the facts (``details``)."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    http_status: ClassVar[int | None] = 500
    exit_code: ClassVar[int] = EXIT_FAILED

    def __init__(self, message: str, *, hint: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = details or {}

    def to_json(self) -> dict[str, Any]:
        """The error as ``--json`` prints it: code, message, hint, retryable, details."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
            "details": self.details,
        }


class Internal(MuseError):
    """A fault of the program itself."""


class Usage(MuseError):
    """The command, the configuration or the environment is wrong; nothing was tried."""

    code = "usage"
    http_status = None
    exit_code = EXIT_USAGE


class NotFound(MuseError):
    """There is no such thing, or the caller may not know that there is."""

    code = "not_found"
    http_status = 404


class Denied(MuseError):
    """The caller may not do this."""

    code = "forbidden"
    http_status = 403
    exit_code = EXIT_DENIED


class Unauthorized(Denied):
    """No token, or one that is unknown, expired or revoked."""

    code = "unauthorized"
    http_status = 401


class Conflict(MuseError):
    """The branch is not where the caller thought it was."""

    code = "non_fast_forward"
    http_status = 409
    exit_code = EXIT_CONFLICT


class NonFastForward(Conflict):
    """The new head does not descend from the old one."""


class StaleLease(Conflict):
    """The branch moved since the caller looked."""

    code = "stale_lease"


class Invalid(MuseError):
    """A message, record or name breaks a rule of the format or of the protocol."""

    code = "invalid"
    http_status = 422


class Integrity(MuseError):
    """Bytes do not match the id they go by, or something that must be there is missing."""

    code = "integrity"
    http_status = 422


class BadSignature(Integrity):
    """A commit's signature does not check, or its key is not acceptable."""

    code = "bad_signature"


class TooLarge(MuseError):
    """Over a limit of the hub."""

    code = "too_large"
    http_status = 413


class Quota(MuseError):
    """The repository or the user has no room left."""

    code = "quota"
    http_status = 507


class Retryable(MuseError):
    """It may work later, unchanged."""

    code = "unavailable"
    retryable = True
    http_status: ClassVar[int | None] = 503
    exit_code = EXIT_RETRY


class Unavailable(Retryable):
    """The hub, its database or its object store cannot answer now."""


class RateLimited(Retryable):
    """Too many requests; ``details["retry_after_s"]`` says how long to wait."""

    code = "rate_limited"
    http_status = 429


class UploadExpired(Retryable):
    """The presigned URL or the staged upload is used up; presign again."""

    code = "upload_expired"
    http_status = 410


class Unreachable(Retryable):
    """The line failed: no connection, a reset, a time-out."""

    code = "unreachable"
    http_status = None


class Busy(Retryable):
    """Another process works on the same thing."""

    code = "busy"
    http_status = None


class Interrupted(MuseError):
    """A person, or the system, ended it."""

    code = "interrupted"
    http_status = None
    exit_code = EXIT_INTERRUPTED


ERRORS: dict[str, type[MuseError]] = {
    cls.code: cls
    for cls in (
        Unauthorized,
        Denied,
        NotFound,
        NonFastForward,
        StaleLease,
        UploadExpired,
        TooLarge,
        Integrity,
        BadSignature,
        Invalid,
        RateLimited,
        Internal,
        Unavailable,
        Quota,
        Usage,
        Unreachable,
        Busy,
        Interrupted,
    )
}
"""Every code there is, with its class."""


_BY_STATUS: dict[int, type[MuseError]] = {
    cls.http_status: cls for cls in reversed(ERRORS.values()) if cls.http_status is not None
} | {422: Invalid, 502: Unavailable, 504: Unavailable}
"""What an answer means that names no code we know: a proxy's, or an older or newer hub's."""


def error_from_code(code: str, message: str, hint: str, details: dict[str, Any], status: int = 500) -> MuseError:
    """The error a hub's answer stands for; an unknown code is read by its HTTP ``status``."""
    cls = ERRORS.get(code) or _BY_STATUS.get(status, Internal)
    return cls(message, hint=hint, details=details)
