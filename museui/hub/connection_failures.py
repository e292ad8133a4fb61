"""Sentences for connections that fail: why, and what to do."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from .http import httpx
from .trust import CERTIFICATE_HINT

LINE_HINT = "Check that the hub runs and that the network is up."
_PORT_HINT = "Check the address and its port, and that the hub runs."
_PLAIN_HINT = "Check the port; the address of a hub without TLS begins with http://."
_TLS_HINT = "Check the port; if TLS is spoken there, the address begins with https://."
_NAME_HINT = "Check the spelling of the address, and that the network and its DNS server are up."
_NETWORK_HINT = "Check that the network is up."
_MAX_CHARS = 200

_CERTIFICATES = {
    9: ("its certificate is not valid yet", "Check this machine's clock, and the certificate where the hub runs."),
    10: ("its certificate has expired", "Whoever runs the hub must renew it. Check this machine's clock, too."),
    62: ("its certificate is for another host name", "Use the name that the certificate has, or have one made."),
    64: ("its certificate is for another address", "Use the name that the certificate has, or have one made."),
}
"""Sentence and advice by OpenSSL's number of what is wrong with a certificate (X509_V_ERR_*)."""
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})
_PLAIN_REASONS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})
_SYSTEM = {
    errno.ECONNREFUSED: ("the connection was refused: no program listens there", _PORT_HINT),
    errno.EPIPE: ("the connection was closed", LINE_HINT),
    errno.EHOSTUNREACH: ("there is no route to it", _NETWORK_HINT),
    errno.ENETUNREACH: ("there is no route to its network", _NETWORK_HINT),
    errno.ETIMEDOUT: ("no answer came", LINE_HINT),
}
_TIMEOUTS: dict[type[Exception], str] = {
    httpx.ConnectTimeout: "it does not answer",
    httpx.ReadTimeout: "it stopped answering",
    httpx.WriteTimeout: "it stopped taking data",
    httpx.PoolTimeout: "no connection became free",
}


@dataclass(frozen=True, slots=True)
class ConnectionFailure:
    """Why a connection failed, as a clause that follows a colon, and what to do."""

    reason: str
    hint: str


def explain(exc: BaseException, url: str) -> ConnectionFailure:
    """Return why httpx raised ``exc`` for a request to ``url``: its deepest known cause, else its own words."""
    if reason := _TIMEOUTS.get(type(exc)):  # type: ignore[arg-type]
        return ConnectionFailure(reason, LINE_HINT)
    found = None
    for cause in _causes(exc):
        found = _explain_cause(cause, _PLAIN_HINT if url.startswith("https:") else _TLS_HINT) or found
    if found:
        return found
    return ConnectionFailure((str(exc) or type(exc).__name__)[:_MAX_CHARS], LINE_HINT)


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """``exc`` and what it was raised from, nearest first."""
    waiting, seen = [exc], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        waiting += [cause for cause in (one.__cause__, one.__context__, *inner) if cause is not None]


def _explain_cause(exc: BaseException, port_hint: str) -> ConnectionFailure | None:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return _explain_certificate(exc)
    if isinstance(exc, ssl.SSLError):
        return _explain_tls(exc)
    if isinstance(exc, socket.gaierror):
        known = "could not be looked up" if exc.errno == socket.EAI_AGAIN else "is not known"
        return ConnectionFailure(f"its name {known}", _NAME_HINT)
    if isinstance(exc, TimeoutError) and not exc.errno:
        return ConnectionFailure("it takes too long to answer", LINE_HINT)
    if isinstance(exc, UnicodeError):
        return ConnectionFailure("its name cannot be a host's", "Check the spelling of the address.")
    if isinstance(exc, ConnectionResetError):
        return ConnectionFailure("the connection was reset", f"{LINE_HINT} {port_hint}")
    if isinstance(exc, OSError) and exc.errno:
        return ConnectionFailure(*_SYSTEM.get(exc.errno, (f"the system says: {os.strerror(exc.errno)}", LINE_HINT)))
    if isinstance(exc, httpx.RemoteProtocolError):
        if "illegal" in str(exc):
            return ConnectionFailure("what it answers is not HTTP", port_hint)
        return ConnectionFailure("it closed the connection without an answer", f"{LINE_HINT} {port_hint}")
    return None


def _explain_certificate(exc: ssl.SSLCertVerificationError) -> ConnectionFailure:
    number = exc.verify_code
    if number in _CERTIFICATES:
        return ConnectionFailure(*_CERTIFICATES[number])
    if number in _UNKNOWN_AUTHORITY:
        return ConnectionFailure("its certificate is from an authority that is not trusted here", CERTIFICATE_HINT)
    return ConnectionFailure(f"its certificate is not accepted: {exc.verify_message}"[:_MAX_CHARS], CERTIFICATE_HINT)


def _explain_tls(exc: ssl.SSLError) -> ConnectionFailure | None:
    if isinstance(exc, (ssl.SSLWantReadError, ssl.SSLWantWriteError)):
        return None
    if exc.reason in _PLAIN_REASONS:
        return ConnectionFailure("it does not speak TLS", _PLAIN_HINT)
    if isinstance(exc, ssl.SSLEOFError):
        return ConnectionFailure("it closed the connection when TLS began", f"{LINE_HINT} {_PLAIN_HINT}")
    words = (exc.reason or "unknown reason").replace("_", " ").lower()
    return ConnectionFailure(
        f"TLS failed: {words}"[:_MAX_CHARS], "Whoever runs the hub should look at its TLS settings."
    )
