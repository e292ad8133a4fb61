"""Which proxy an address is reached by."""

from __future__ import annotations

import os

import pytest

from museui.hub.proxies import find_proxy


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def test_the_scheme_s_own_goes_before_all_and_small_letters_before_large(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_proxy("https://hub.example.org") is None
    for name in ("ALL_PROXY", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://{name.replace('_', '-')}:3128")
        found = find_proxy("https://hub.example.org/x")
        assert found is not None and found.source == name
    plain = find_proxy("http://hub.example.org")
    assert plain is not None and plain.source == "ALL_PROXY"
    monkeypatch.setenv("https_proxy", "")
    assert (found := find_proxy("https://hub.example.org")) is not None and found.source == "ALL_PROXY"


def test_a_password_is_used_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://ada:secret@[::1]")
    found = find_proxy("https://hub.example.org")
    assert found is not None and found.url == "http://ada:secret@[::1]"
    assert str(found) == "the proxy [::1]:80 of ALL_PROXY" and "secret" not in repr(found)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.8.8",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "hub.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0.0.0.0",
        "[::]",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_this_machine_is_reached_without(monkeypatch: pytest.MonkeyPatch, scheme: str, host: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    assert find_proxy(f"{scheme}://{host}:8750/ada/song") is None


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("*", "https://hub.example.org"),
        ("hub.example.org", "https://hub.example.org"),
        ("HUB.example.org", "https://hub.Example.org:8443"),
        ("example.org", "https://hub.example.org"),
        (".example.org", "https://hub.example.org"),
        ("*.example.org", "https://hub.example.org"),
        ("hub.*.org", "https://hub.example.org"),
        ("hub.example.org:8443", "https://hub.example.org:8443"),
        ("hub.example.org:443", "https://hub.example.org"),
        ("https://hub.example.org", "https://hub.example.org"),
        ("a b  hub.example.org", "https://hub.example.org"),
        ("a, hub.example.org ,b", "https://hub.example.org"),
        ("10.0.0.5", "http://10.0.0.5:9000"),
        ("10.0.0.0/8", "http://10.1.2.3"),
        ("10.*", "http://10.1.2.3"),
        ("[2001:db8::1]", "https://[2001:db8::1]:8750"),
        ("2001:db8::1", "https://[2001:DB8:0::1]"),
        ("[2001:db8::1]:8750", "https://[2001:db8::1]:8750"),
        ("2001:db8::/32", "https://[2001:db8::1]"),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_is_excepted_is_reached_without(monkeypatch: pytest.MonkeyPatch, name: str, entry: str, url: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    monkeypatch.setenv(name, entry)
    assert find_proxy(url) is None


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "org.example",
        "ub.example.org",
        "hub.example.org:8443",
        "hub.example.org.uk",
        "10.0.0.0/8",
        "[::1]",
        "[",
        "]:1",
    ],
)
def test_what_is_not_excepted_goes_by_it(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", entry)
    assert find_proxy("https://hub.example.org") is not None
