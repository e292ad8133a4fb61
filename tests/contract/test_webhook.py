"""The webhook: posted once to the address that was looked at, TLS verified, never inside unless allowed."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Any

import pytest

from daemon.tell.webhook import find_address, post_news
from museui.core.addresses import is_public
from museui.core.errors import Denied, Invalid, Unavailable, Unreachable, Usage
from museui.settings.notify import check_webhook
from tests.helpers.certificates import write_certificates
from tests.helpers.hook import Hook


@pytest.mark.parametrize("text", ["1.1.1.1", "2606:4700::1", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_of_the_whole_internet_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::1", "fec0::1",
        "64:ff9b:1::101:101", "64:ff9b:1:ffff::1", "::127.0.0.1", "::1.1.1.1", "192.0.0.192", "3fff::1", "5f00::1",
        "100::1",
    ],
)  # fmt: skip
def test_every_other_address_is_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "::1", "0x7f000001", "2130706433"])
async def test_a_name_for_this_machine_is_refused_however_it_is_spelled(host: str) -> None:
    with pytest.raises(Denied, match="no public address"):
        await find_address(host, 80, private=False)


async def test_a_name_that_is_nobodys_is_worth_another_try() -> None:
    with pytest.raises(Unreachable):
        await find_address("no-such-host.invalid", 80, private=False)


@pytest.mark.parametrize(
    "url", ["", "a", "ftp://a/", "http://a/", "https://", "https://a:b@c/", "https://a:0/", "https://a/ b", 7]
)
def test_what_is_no_webhook_is_refused(url: object) -> None:
    with pytest.raises(Usage):
        check_webhook(url, private=False)


async def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[Any] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, *rest: Any, **options: Any) -> Any:
        if host == "hook.example":
            looked_up.append(host)
            return real("127.0.0.1" if len(looked_up) == 1 else "127.0.0.99", *rest, **options)
        return real(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with Hook() as hook:
        assert await post_news(f"http://hook.example:{hook.port}/a?b=c", {"x": 1}, private=True) == "status 204"
        assert hook.documents == [{"x": 1}]
        assert hook.hosts == [f"hook.example:{hook.port}"]
    assert looked_up == ["hook.example"]


async def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    found = [(*kind, ("1.1.1.1", 443)), (*kind, ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *rest, **options: found)
    with pytest.raises(Denied, match=r"10\.0\.0\.1"):
        await find_address("mixed.example", 443, private=False)


@pytest.mark.parametrize(
    ("status", "error"), [(302, Usage), (307, Usage), (404, Invalid), (429, Unavailable), (503, Unavailable)]
)
async def test_an_answer_says_whether_another_try_is_worth_it(status: int, error: type[Exception]) -> None:
    with Hook(status) as hook:
        with pytest.raises(error, match=str(status)):
            await post_news(f"http://127.0.0.1:{hook.port}/", {}, private=True)
        assert len(hook.documents) == 1, "a redirect is never followed"


async def test_tls_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_certificates(tmp_path)
    with Hook(certificates=tmp_path) as hook:
        url = f"https://127.0.0.1:{hook.port}/"
        with pytest.raises(Unreachable, match="certificate"):
            await post_news(url, {}, private=True)
        assert hook.documents == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
        assert await post_news(url, {"x": 2}, private=True) == "status 204"
        with pytest.raises(Unreachable, match=r"(?i)match|certificate"):
            await post_news(f"https://localhost:{hook.port}/", {}, private=True)
        assert hook.documents == [{"x": 2}]
