"""The rule for upload URLs: a bad hub must not steer a PUT into the network of whoever pushes."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from museui.core.addresses import Address, address_of, is_link_local, is_public, is_this_machine
from museui.core.errors import Denied
from museui.core.figures import one_line

from .sending import Guard
from .url import split_url

_MAX_URL_CHARS = 8192
_MAX_HEADERS = 32
_HEADERS = ("content-type", "content-md5", "if-none-match", "x-amz-content-sha256", "x-amz-storage-class")
_HEADER_FAMILIES = ("x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-server-side-encryption", "x-amz-meta-")
"""Headers that object stores want with an upload. No other is sent: it would speak to something else."""


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise :class:`Denied` for a header that no object store needs."""
    for name, value in headers.items():
        known = name.lower() in _HEADERS or name.lower().startswith(_HEADER_FAMILIES)
        if not known or not value.isascii() or not value.isprintable() or len(headers) > _MAX_HEADERS:
            raise Denied(
                f"the hub wants uploads sent with the header {name!r:.60}, which no object store needs",
                hint="Nothing was sent. Ask whoever runs the hub.",
            )


class UploadPolicy:
    """The presigned URLs of the hub at ``base`` that are followed: to itself, to the internet by https, and within a
    network when the hub is within one, too, or its settings say ``private_store``.
    """

    def __init__(self, base: str, *, private_store: bool) -> None:
        self._base = urlsplit(base)
        self._private_store = private_store

    def guard(self, url: str, hub: Address | None) -> Guard | None:
        """Return what looks at where an upload to ``url`` ends up; ``None`` for the hub itself.

        ``hub``: the hub's address, ``None`` when a proxy is in between. Raises :class:`Denied` for a URL that is not
        followed wherever its host is.
        """
        try:
            parts = split_url(url)
        except ValueError as exc:
            raise _denied(f"to a URL that is none ({exc}): {one_line(url)[:100]}") from exc
        if "@" in parts.netloc or len(url) > _MAX_URL_CHARS:
            raise _denied("to a URL with a user name in it" if "@" in parts.netloc else "to a URL that is too long")
        if (parts.scheme, parts.netloc.lower()) == (self._base.scheme, self._base.netloc.lower()):
            return None
        host = parts.hostname or ""
        near_only = parts.scheme == "http" and host != self._base.hostname

        def guard(address: Address | None) -> None:
            if address is None or not self._may_reach(address, hub, near_only=near_only):
                raise self._refusal(host, address, near_only=near_only)

        named = address_of("127.0.0.1" if is_this_machine(host) else host)
        if named is not None:
            guard(named)
        return guard

    def _may_reach(self, address: Address, hub: Address | None, *, near_only: bool) -> bool:
        if is_public(address):
            return not near_only
        if address == hub:
            return True
        if is_link_local(address):
            return False
        if self._private_store:
            return True
        if hub is None or is_public(hub):
            return False
        return hub.is_loopback or not (address.is_loopback or address.is_unspecified)

    def _refusal(self, host: str, address: Address | None, *, near_only: bool) -> Denied:
        if address is not None and is_public(address) and near_only:
            return _denied(f"to {host} by plain HTTP, where anybody on the way can read them")
        return _denied(
            f"to {host} at {address}, within your network, and is not within it itself",
            f'If its object store is there: private_store = true in [hubs."{self._base.netloc}"] of config.toml.',
        )


def _denied(what: str, hint: str = "Nothing was sent. Ask whoever runs the hub.") -> Denied:
    return Denied(f"the hub wants uploads sent {what}", hint=hint)
