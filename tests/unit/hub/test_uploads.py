"""Where uploads may be sent: which URLs of which hubs are followed, and with which headers."""

from __future__ import annotations

import ipaddress

import pytest

from museui.core.errors import Denied
from museui.hub.uploads import UploadPolicy, check_headers

PUBLIC, WITHIN, LOOPBACK = (ipaddress.ip_address(text) for text in ("93.184.216.34", "192.168.1.5", "127.0.0.1"))
HUB = "https://hub.example.org"


def follows(url: str, store: str, hub: object = PUBLIC, base: str = HUB, *, private_store: bool = False) -> bool:
    """Whether an upload to ``url`` is sent when its host turns out to be at ``store``."""
    try:
        guard = UploadPolicy(base, private_store=private_store).guard(url, hub)  # type: ignore[arg-type]
        if guard:
            guard(ipaddress.ip_address(store))
    except Denied as exc:
        assert exc.message and exc.hint
        return False
    return True


@pytest.mark.parametrize(
    ("url", "store", "hub"),
    [
        (f"{HUB}/staging/u?sig=1", "10.0.0.1", PUBLIC),
        ("https://HUB.example.org/staging/u", "10.0.0.1", PUBLIC),
        ("https://store.example.net/bucket/u", "93.184.216.35", PUBLIC),
        ("https://store.example.net/bucket/u", "2606:2800:220:1::1", None),
        ("http://hub.example.org:9000/bucket/u", "93.184.216.34", PUBLIC),
        ("http://hub.example.org:9000/bucket/u", "192.168.1.5", WITHIN),
        ("https://store.lan/bucket/u", "192.168.1.6", WITHIN),
        ("http://store.lan:9000/bucket/u", "192.168.1.6", WITHIN),
        ("http://127.0.0.1:9000/bucket/u", "127.0.0.1", LOOPBACK),
        ("http://localhost:9000/bucket/u", "::1", LOOPBACK),
        ("http://10.1.2.3:9000/bucket/u", "10.1.2.3", LOOPBACK),
    ],
)
def test_what_an_honest_hub_gives_is_followed(url: str, store: str, hub: object) -> None:
    assert follows(url, store, hub)


@pytest.mark.parametrize(
    ("url", "store", "hub"),
    [
        ("http://127.0.0.1:631/printers", "127.0.0.1", PUBLIC),
        ("https://127.0.0.1/x", "127.0.0.1", PUBLIC),
        ("http://localhost:631/printers", "127.0.0.1", WITHIN),
        ("http://127.1:631/printers", "127.0.0.1", PUBLIC),
        ("http://0x7f000001/x", "127.0.0.1", PUBLIC),
        ("http://[::ffff:127.0.0.1]/x", "127.0.0.1", PUBLIC),
        ("http://[::1]:8080/x", "::1", PUBLIC),
        ("http://0.0.0.0:8080/x", "0.0.0.0", WITHIN),
        ("https://router.example/x", "192.168.1.1", PUBLIC),
        ("https://router.example/x", "fd00::1", None),
        ("https://10.0.0.1/x", "10.0.0.1", None),
        ("http://169.254.169.254/latest/api/token", "169.254.169.254", PUBLIC),
        ("http://169.254.169.254/latest/api/token", "169.254.169.254", LOOPBACK),
        ("http://metadata.example/latest/api/token", "169.254.169.254", WITHIN),
        ("http://hub.example.org:9000/x", "127.0.0.1", PUBLIC),
        ("https://hub.example.org:9000/x", "192.168.1.1", PUBLIC),
        ("http://store.example.net/bucket/u", "93.184.216.35", PUBLIC),
        ("http://store.example.net/bucket/u", "93.184.216.35", WITHIN),
        ("https://ada:secret@store.example.net/u", "93.184.216.35", PUBLIC),
        ("ftp://store.example.net/u", "93.184.216.35", PUBLIC),
        ("https://store.example.net:99999/u", "93.184.216.35", PUBLIC),
        ("https://[::1/u", "93.184.216.35", PUBLIC),
        ("https://store.example.net/\r\nX: y", "93.184.216.35", PUBLIC),
        ("https://store.example.net/" + "u" * 8192, "93.184.216.35", PUBLIC),
        ("", "93.184.216.35", PUBLIC),
    ],
)
def test_what_leads_into_a_network_is_not(url: str, store: str, hub: object) -> None:
    assert not follows(url, store, hub)


def test_a_person_may_allow_a_store_within_but_never_what_tells_a_machine_its_secrets() -> None:
    assert follows("http://127.0.0.1:9000/b/u", "127.0.0.1", private_store=True)
    assert follows("http://store.lan:9000/b/u", "192.168.1.6", private_store=True)
    assert not follows("http://store.lan/b/u", "169.254.169.254", private_store=True)
    assert not follows("http://store.example.net/b/u", "93.184.216.35", private_store=True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer x"},
        {"Host": "router"},
        {"Cookie": "a=b"},
        {"Transfer-Encoding": "chunked"},
        {"Content-Length": "0"},
        {"X-aws-ec2-metadata-token-ttl-seconds": "60"},
        {"Metadata-Flavor": "Google"},
        {"X-Amz-Target": "DynamoDB_20120810.PutItem"},
        {"x-amz-copy-source": "/other/key"},
        {"Content-Type": "a\r\nX: y"},
        {"Content-Type": "\u202e"},
        {"": "x"},
        {f"x-amz-meta-{number}": "x" for number in range(33)},
    ],
)
def test_no_header_is_sent_that_no_store_needs(headers: dict[str, str]) -> None:
    with pytest.raises(Denied):
        check_headers(headers)


def test_what_stores_need_is_sent() -> None:
    check_headers({})
    check_headers({"Content-Type": "application/octet-stream", "x-amz-checksum-sha256": "x=", "If-None-Match": "*"})
    check_headers({"X-Amz-Server-Side-Encryption": "AES256", "Content-MD5": "x", "x-amz-storage-class": "STANDARD"})
