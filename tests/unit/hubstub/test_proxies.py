"""What is believed of a client behind a proxy, and of one that only says so."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from hubstub.networks import believe_proxy

TRUSTED = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1"))


def _scope(peer: str, *headers: tuple[str, str]) -> dict[str, Any]:
    lines = [(b"host", b"inside:8750"), *((name.encode(), value.encode()) for name, value in headers)]
    return {"type": "http", "client": (peer, 1234), "scheme": "http", "headers": lines}


def _believed(peer: str, *headers: tuple[str, str]) -> tuple[str, str, bytes]:
    scope = _scope(peer, *headers)
    believe_proxy(scope, TRUSTED)
    (host,) = (value for name, value in scope["headers"] if name == b"host")
    return scope["client"][0], scope["scheme"], host


ALL = (
    ("x-forwarded-for", "192.0.2.7"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "hub.example.org"),
)


def test_a_trusted_proxy_is_believed() -> None:
    assert _believed("10.0.0.1", *ALL) == ("192.0.2.7", "https", b"hub.example.org")
    assert _believed("::1", *ALL) == ("192.0.2.7", "https", b"hub.example.org")


def test_a_stranger_is_not_believed() -> None:
    assert _believed("192.0.2.1", *ALL) == ("192.0.2.1", "http", b"inside:8750")


def test_forwarded_is_never_believed() -> None:
    header = ("forwarded", "for=192.0.2.7;proto=https;host=evil.example")
    assert _believed("10.0.0.1", header) == ("10.0.0.1", "http", b"inside:8750")


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("192.0.2.9, 192.0.2.7", "192.0.2.7"),
        ("127.0.0.1, 192.0.2.7, 10.1.1.1", "192.0.2.7"),
        ("10.2.2.2, 10.1.1.1", "10.2.2.2"),
        ("rubbish", "10.0.0.1"),
        ("192.0.2.7, rubbish, 10.1.1.1", "10.1.1.1"),
        ("", "10.0.0.1"),
        ("192.0.2.7:80", "10.0.0.1"),
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_client_is_the_first_that_no_trusted_proxy_vouches_for(chain: str, client: str) -> None:
    assert _believed("10.0.0.1", ("x-forwarded-for", chain))[0] == client


def test_what_a_client_put_in_front_of_the_proxy_s_own_words_is_not_taken() -> None:
    believed = _believed("10.0.0.1", ("x-forwarded-proto", "https, http"), ("x-forwarded-host", "evil, hub.example"))
    assert believed[1:] == ("http", b"hub.example")


@pytest.mark.parametrize("scheme", ["javascript", "", "HTTPS "])
def test_a_scheme_that_is_none_is_left_out(scheme: str) -> None:
    assert _believed("10.0.0.1", ("x-forwarded-proto", scheme))[1] == "http"
