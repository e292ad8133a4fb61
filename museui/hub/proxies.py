"""The way out of this machine: which proxy carries requests to an address. The environment is read here alone."""

from __future__ import annotations

import ipaddress
import os
import re
import urllib.request
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

from museui.core.addresses import address_of, is_this_machine
from museui.core.errors import Usage

from .url import split_url

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SYSTEM = "the system's proxy settings"
_ENTRY = re.compile(r"(?:[a-z]+://)?\[?(.+?)\]?(?::(\d+))?").fullmatch


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and who names it: a variable. ``url`` may have a password in it and is never shown."""

    url: str = field(repr=False)
    source: str

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"the proxy {host}:{parts.port or _DEFAULT_PORTS[parts.scheme]} of {self.source}"


def find_proxy(url: str) -> Proxy | None:
    """Return what carries requests to ``url``: ``HTTP_PROXY``, ``HTTPS_PROXY`` or ``ALL_PROXY``, or nothing.

    Nothing goes by a proxy to this machine, whatever the variables say, nor to what ``NO_PROXY`` excepts.
    Raises :class:`Usage` naming the variable that names no proxy that can be used.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if is_this_machine(host) or host.endswith(".localhost"):
        return None
    value, source = _read_setting(parts.scheme)
    if not value or _is_excepted(parts) or (source == _SYSTEM and urllib.request.proxy_bypass(host)):
        return None
    return _parse_proxy(value, source)


def by_way(url: str) -> str:
    """Return " through" and the proxy that requests to ``url`` go by, for a message; nothing when there is none."""
    proxy = find_proxy(url)
    return f" through {proxy}" if proxy else ""


def _read_setting(scheme: str) -> tuple[str, str]:
    """The proxy for ``scheme``, and who names it; a variable in small letters goes before the other."""
    for kind in (scheme, "all"):
        for name in (f"{kind}_proxy", f"{kind}_proxy".upper()):
            if name in os.environ:
                if value := os.environ[name].strip():
                    return value, name
                break
    found = urllib.request.getproxies()
    return found.get(scheme, "") if not urllib.request.getproxies_environment() else "", _SYSTEM


def _is_excepted(parts: SplitResult) -> bool:
    """Whether ``NO_PROXY`` has the host: by name, as a part of a domain, by address, network or pattern, or ``*``."""
    entries = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    return any(_matches(entry, host, port) for entry in re.split(r"[\s,;]+", entries.lower()) if entry)


def _matches(entry: str, host: str, port: int) -> bool:
    address = address_of(host)
    try:
        network = ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass
    else:
        return address is not None and address in network
    found = _ENTRY(entry)
    if found is None or (found[2] and found[2].lstrip("0") != str(port)):
        return False
    name = found[1].rstrip(".")
    if address is not None and (named := address_of(name)) is not None:
        return named == address
    suffix = name.lstrip("*.")
    if not suffix:
        return "*" in name
    return host == suffix or host.endswith(f".{suffix}") or ("*" in suffix and fnmatchcase(host, name))


def _parse_proxy(value: str, source: str) -> Proxy:
    """Raises :class:`Usage`; the value is not shown, since it may have a password in it."""
    hint = f"Set {source} to http://HOST:PORT, or unset it, or name the host in NO_PROXY."
    kind, separator, _ = value.partition("://")
    if separator and kind.lower() not in _DEFAULT_PORTS:
        raise Usage(
            f"{source} names a proxy of the kind {kind!r:.20}, and only http and https proxies can be used", hint=hint
        )
    try:
        parts = split_url(value if separator else f"http://{value}")
    except ValueError as exc:
        raise Usage(f"{source} does not name a proxy: {exc}", hint=hint) from exc
    return Proxy(f"{parts.scheme}://{parts.netloc}", source)
