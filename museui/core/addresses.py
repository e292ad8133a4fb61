"""IP addresses: which one a host is, and whether it is this machine's, of a network within, or the whole internet's."""

from __future__ import annotations

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NUMBER = re.compile(r"0x(?P<hex>[0-9a-f]+)|0(?P<octal>[0-7]*)|(?P<decimal>[1-9][0-9]*)", re.IGNORECASE).fullmatch
_BASES = {"hex": 16, "octal": 8, "decimal": 10}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))
"""For special purposes, which the library does not know of in every version."""
_LINK_LOCAL = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32")))
"""Of one wire; clouds have there what tells a machine its secrets."""


def address_of(host: str) -> Address | None:
    """Return the address that ``host`` is, ``None`` when it is a name.

    The ways of old are understood (``127.1``, ``0x7f000001``); an IPv4 address within an IPv6 one is that IPv4 address.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _parse_old(host)
    return inner_address(address) or address


def _parse_old(host: str) -> ipaddress.IPv4Address | None:
    """Read up to four numbers, octal and hexadecimal too, the last of which has all the bytes that are left."""
    found = [_NUMBER(part) for part in host[:64].split(".")]
    numbers = [int(item[item.lastgroup] or "0", _BASES[item.lastgroup]) for item in found if item and item.lastgroup]
    if len(numbers) != len(found) or len(found) > 4:
        return None
    *first, last = numbers
    if max(first, default=0) > 255 or last >= 256 ** (4 - len(first)):
        return None
    return ipaddress.IPv4Address(int.from_bytes(first, "big") << 8 * (4 - len(first)) | last)


def inner_address(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    return address.ipv4_mapped or address.sixtofour or (_last_part(address) if address in _NAT64 else None)


def _last_part(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def is_this_machine(host: str) -> bool:
    """Return whether ``host``, a name or an address, can only be the machine that asks."""
    if host.lower() == "localhost":
        return True
    address = address_of(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def is_link_local(address: Address) -> bool:
    """Return whether an address is of one wire alone, as those are at which clouds tell machines their secrets."""
    address = inner_address(address) or address
    return any(address in network for network in _LINK_LOCAL)


def is_public(address: Address) -> bool:
    """Return whether an address is one of the whole internet's, also when it stands for another."""
    inner = inner_address(address)
    if inner is not None:
        return is_public(inner)
    if isinstance(address, ipaddress.IPv6Address) and (address.teredo or address not in _UNICAST):
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _SPECIAL)
