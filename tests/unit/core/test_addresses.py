"""Addresses as hosts are written: read as the system's resolver reads them."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.addresses import address_of, is_link_local, is_this_machine

_PARTS = st.one_of(
    st.integers(0, 1 << 33).map(str), st.integers(0, 300).map(hex), st.integers(0, 300).map(lambda n: f"0{n:o}"),
    st.sampled_from(["0x", "08", "x", "", "-1", "1e1", "0X7F", "00"]),
)  # fmt: skip


@given(st.lists(_PARTS, min_size=1, max_size=5).map(".".join))
def test_the_ways_of_old_are_read_as_the_system_reads_them(host: str) -> None:
    try:
        expected = ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        expected = None
    assert address_of(host) == expected


@pytest.mark.parametrize("host", ["hub.example.org", "deadbeef", "cafe", "a", "", "1.2.3.4.5", "::1%eth0", "١"])
def test_a_name_is_no_address(host: str) -> None:
    address = address_of(host)
    assert address is None or (host == "::1%eth0" and address.is_loopback)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("::ffff:127.1.1.1", True),
        ("0.0.0.0", True),
        ("127.1", True),
        ("128.1", False),
        ("a", False),
    ],
)
def test_this_machine(host: str, own: bool) -> None:
    assert is_this_machine(host) is own


@pytest.mark.parametrize(
    "text", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "64:ff9b::a9fe:1"]
)
def test_of_one_wire(text: str) -> None:
    assert is_link_local(ipaddress.ip_address(text))
