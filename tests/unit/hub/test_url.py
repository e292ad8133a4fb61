"""Addresses of repositories: what is one, and where a token may go."""

from __future__ import annotations

import pytest

from museui.core.errors import Usage
from museui.hub.url import check_token_may_travel, is_loopback, parse_hub_url, parse_repository_url

NO_HOSTS = (
    "[::1", "::1]", "[]", "[::g]", "[v1.x]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "a[::1]", "[::1]x", "[::1]:x",
    "hub:", "hub:0", "hub:99999", "hub:65536", "hub:-1", "hub:1e9", "hub:0x50", "hub:+80", "hub:8_0", "hub:\u0663",
    "hub:" + "1" * 5000, "hub:80:80", "%41", "hub%2Forg", "a..b", ".a", "-a", "a-", "*", "a," "b", "!", "256.1.1.1",
    "1.2.3.999", "a" * 64, "a." * 127 + "aa", "xn--zzzzzz", "a.xn--", "\N{SNOWMAN}", "\u2100.com", "\u202e", "\xfc..a",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "base", "owner", "slug"),
    [
        ("http://127.0.0.1:8750/ada/song", "http://127.0.0.1:8750", "ada", "song"),
        ("https://hub.example.org/ada/song/", "https://hub.example.org", "ada", "song"),
        ("https://example.org/muse/hub/ada/song.v2", "https://example.org/muse/hub", "ada", "song.v2"),
        ("http://[::1]:8750/ada/song", "http://[::1]:8750", "ada", "song"),
        ("HTTPS://Hub.example.org:65535/ada/song", "https://Hub.example.org:65535", "ada", "song"),
        ("https://b\xfccher.example/ada/song", "https://b\xfccher.example", "ada", "song"),
        ("https://xn--bcher-kva.example./ada/song", "https://xn--bcher-kva.example.", "ada", "song"),
    ],
)
def test_a_repository_url_has_base_owner_and_slug(text: str, base: str, owner: str, slug: str) -> None:
    url = parse_repository_url(text)
    assert (url.base, url.owner, url.slug) == (base, owner, slug)
    assert str(url) == f"{base}/{owner}/{slug}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "song",
        "/music/song",
        "ftp://hub/ada/song",
        "http://hub",
        "http://hub/ada",
        "http:///ada/song",
        "http://ada:secret@hub/ada/song",
        "http://hub/ada/song?x=1",
        "http://hub/ada/song#x",
        "http://hub:port/ada/song",
        "http://hub/o/song",
        "http://hub/ada/..",
        "http://hub/a da/song",
        "http://ada:secret@hub:99999/ada/song",
        "http://@hub/ada/song",
        " http://hub/ada/song",
        "http://hub/ada/song\n",
        "http://hu\tb/ada/song",
        "http://hub\u2028/ada/song",
        "http://hub\\x/ada/song",
        *(f"http://{host}/ada/song" for host in NO_HOSTS),
    ],
)
def test_anything_else_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(Usage) as caught:
        parse_repository_url(text)
    assert caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "http://127.8.8.8",
        "http://localhost:9",
        "http://[::1]:1",
        "http://127.1",
        "http://[::ffff:127.0.0.1]",
        "http://LOCALHOST",
    ],
)
def test_loopback_may_be_plain(url: str) -> None:
    assert is_loopback(url)
    check_token_may_travel(url)


@pytest.mark.parametrize("url", ["http://hub.example.org", "http://10.0.0.1", "http://localhost.example.org"])
def test_a_token_never_travels_in_the_clear(url: str) -> None:
    assert not is_loopback(url)
    with pytest.raises(Usage):
        check_token_may_travel(url)
    check_token_may_travel(url.replace("http:", "https:"))


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://hub.example.org/", "https://hub.example.org"),
        ("https://hub.example.org/muse/", "https://hub.example.org/muse"),
        ("http://127.0.0.1:8750", "http://127.0.0.1:8750"),
        ("hub.example.org", "https://hub.example.org"),
        ("hub.example.org:8750", "https://hub.example.org:8750"),
        ("localhost:8750", "http://localhost:8750"),
        ("[::1]:8750", "http://[::1]:8750"),
        ("http.example.org", "https://http.example.org"),
    ],
)
def test_a_hub_may_be_named_without_its_scheme(text: str, base: str) -> None:
    assert parse_hub_url(text) == base


@pytest.mark.parametrize(
    "text", ["", "/", "ftp://hub", "http://ada:secret@hub", "ada:secret@hub", "http://hub?x", "a:b"]
)
def test_what_is_no_address_of_a_hub_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(Usage) as caught:
        parse_hub_url(text)
    assert caught.value.hint and "secret" not in str(caught.value)


@pytest.mark.parametrize("host", NO_HOSTS)
def test_what_is_no_host_is_no_hub_either(host: str) -> None:
    for text in (host, f"http://{host}", f"https://{host}/muse"):
        if text not in ("::1]", "hub:80:80"):  # a port, as far as one can tell
            with pytest.raises(Usage) as caught:
                parse_hub_url(text)
            assert caught.value.hint
