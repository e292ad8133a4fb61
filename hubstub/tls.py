"""The certificate a hub speaks TLS with, tried before anything listens."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from museui.core.errors import Usage


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files in PEM form: the certificate, with those between it and the authority's, and its key.

    ``http2``: offer HTTP/2 as well.  The server then never closes a connection that says nothing after the handshake.
    """

    certificate: Path
    key: Path
    http2: bool = False


def read_tls(certificate: Path | None, key: Path | None, http2: bool) -> TlsSettings | None:
    """The settings, None without a certificate. Raises :class:`Usage` for files that do not fit together."""
    if certificate is None and key is None:
        if http2:
            raise Usage("HTTP/2 is spoken over TLS only", hint="Add --tls-cert and --tls-key.")
        return None
    if certificate is None or key is None:
        raise Usage("a certificate needs its key, and a key its certificate", hint="Write --tls-cert and --tls-key.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as exc:
        raise Usage(f"cannot use {str(certificate)!r} with {str(key)!r}: {exc}") from exc
    return TlsSettings(certificate, key, http2)


def own_context() -> ssl.SSLContext:
    """For the hub's own first request to itself, whatever name its certificate is for."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")
