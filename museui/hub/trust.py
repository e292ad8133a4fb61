"""The trust of a person in a hub: which certificates it may show, and where its object store may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from museui.core.errors import Usage

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class HubTrust:
    """``ca``: the path of a PEM file with the authorities whose certificates the hub and its object store may have.

    ``private_store``: the object store may be at an address of this network, although the hub is not.
    """

    ca: str | None = None
    private_store: bool = False


CERTIFICATE_HINT = (
    "If the hub has an authority of its own, name the file with its certificate: "
    'ca in [hubs."HOST"] of config.toml, or MUSEUI_CA.'
)


def make_tls_context(ca: str | None) -> ssl.SSLContext:
    """What the system trusts (or ``SSL_CERT_FILE``), and beside it the authorities in the PEM file ``ca``.

    Blocks for some 20 ms. Raises :class:`Usage` when the file is not one.
    """
    import ssl

    from .http import httpx

    context = httpx.create_ssl_context()
    if ca is not None:
        try:
            context.load_verify_locations(cafile=ca)
        except OSError as exc:  # an SSLError is one
            reason = "it has no certificate in it" if isinstance(exc, ssl.SSLError) else exc.strerror or str(exc)
            raise Usage(
                f"the certificates in {ca!r:.300} cannot be used: {reason}",
                hint="It must be a PEM file: the hub's 'ca' in config.toml, or MUSEUI_CA, names it.",
            ) from exc
    return context
