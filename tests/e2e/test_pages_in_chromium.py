"""The pages in a real browser: nothing overflows or complains, people can sign in, light and dark are both there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By

from tests.helpers.browser import Browser, browser
from tests.helpers.hub import HubProcess
from tests.helpers.push_client import PushClient
from tests.helpers.records import History, commit_record, digest, snapshot_record

pytestmark = pytest.mark.services

__all__ = ["browser"]

HOSTILE = "\u202eexe.<b>" + "W" * 200
DEEP = "/".join(["deep"] * 40) + "/file"
TREE = {
    "verse.txt": b"la " * 500 + b"\nla\n",
    f"tracks/{HOSTILE}": b"\0",
    DEEP: b"deep",
    "page.html": b"<script>document.title = 'run'</script>",
}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        snapshot = snapshot_record(TREE)
        message = f"<script>document.title = 'run'</script>{HOSTILE}\n\n{HOSTILE}"
        commit = commit_record(snapshot["snapshot_id"], message=message, author=HOSTILE, agent_id=HOSTILE)
        history = History([commit], [snapshot], {digest(content): content for content in TREE.values()})
        with PushClient(process) as client:
            assert client.push(history, "main")[0] == 200
            assert client.push(history, "b" * 250)[0] == 200
        process.command("repo", "create", "ada/" + "s" * 100, "--visibility", "public")
        yield process


@pytest.fixture
def signed_in(browser: Browser, hub: HubProcess) -> Browser:
    browser.look(1280)
    browser.forget()
    browser.driver.get(hub.url + "/-/sign-in?next=/ada/song")
    browser.driver.find_element(By.ID, "token").send_keys(hub.token)
    browser.driver.find_element(By.CSS_SELECTOR, "main button").click()
    browser.arrive(hub.url + "/ada/song")
    browser.complaints()
    return browser


def _head(browser: Browser) -> str:
    link = browser.driver.find_element(By.CSS_SELECTOR, ".commits a").get_attribute("href")
    assert link
    return link.rpartition("/")[2]


def test_no_page_is_wider_than_its_screen_and_none_complains(signed_in: Browser, hub: HubProcess) -> None:
    song, head = "/ada/song", _head(signed_in)
    pages = [
        "/",
        song,
        f"{song}/-/branches",
        f"{song}/-/commits/main",
        f"{song}/-/commit/{head}",
        f"{song}/-/files/{head}",
        f"{song}/-/files/{head}/tracks",
        f"{song}/-/files/{head}/verse.txt",
        f"{song}/-/files/{head}/page.html",
        f"{song}/-/files/{head}/{DEEP}",
        f"{song}/-/pushes",
        "/ada/" + "s" * 100,
        "/-/sign-in",
    ]
    for path in pages:
        signed_in.driver.get(hub.url + path)
        assert "run" not in signed_in.driver.title.split()
        for width in (360, 1280):
            signed_in.look(width)
            signed_in.run("document.querySelectorAll('details').forEach(item => item.open = true)")
            assert signed_in.run("return innerWidth") == width
            assert signed_in.run("return document.documentElement.scrollWidth") <= width, (path, width)
        assert signed_in.complaints() == [], path


def test_colours_follow_what_the_reader_prefers_and_can_be_read(signed_in: Browser) -> None:
    seen = []
    for dark in (False, True):
        signed_in.look(1280, dark=dark)
        paper = signed_in.run("return getComputedStyle(document.body).backgroundColor")
        seen.append(paper)
        assert (sum(_rgb(paper)) < 384) == dark
        texts = signed_in.run(
            "return [...document.querySelectorAll('main *, header *')].filter(item =>"
            " [...item.childNodes].some(node => node.nodeType == 3 && node.data.trim())).map(item => {"
            " let box = item;"
            " while (getComputedStyle(box).backgroundColor == 'rgba(0, 0, 0, 0)') box = box.parentElement;"
            " return [item.className, getComputedStyle(item).color, getComputedStyle(box).backgroundColor]})"
        )
        assert len(texts) > 20
        for name, ink, ground in texts:
            assert _contrast(ink, ground) >= 4.5, (name, ink, ground, dark)
    assert len(set(seen)) == 2


def _rgb(colour: str) -> list[float]:
    return [float(part) for part in colour.removeprefix("rgb").strip("a()").split(",")[:3]]


def _contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it: 4.5 is what text needs."""
    lights = []
    for colour in (one, other):
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (p / 255 for p in _rgb(colour))]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def test_keyboard_gets_to_the_content_and_out_of_the_session(signed_in: Browser, hub: HubProcess) -> None:
    skip = signed_in.driver.find_element(By.CSS_SELECTOR, "a.skip")
    signed_in.driver.execute_script("arguments[0].focus()", skip)
    assert skip.is_displayed() and skip.location["x"] >= 0
    signed_in.driver.find_element(By.CSS_SELECTOR, "header form button").click()
    signed_in.arrive(hub.url + "/")
    signed_in.driver.get(hub.url + "/ada/song")
    assert "There is no such repository." in signed_in.driver.find_element(By.TAG_NAME, "main").text
    signed_in.complaints()


def test_stored_page_is_downloaded_and_never_run(signed_in: Browser, hub: HubProcess) -> None:
    head = _head(signed_in)
    signed_in.driver.get(hub.url + f"/ada/song/-/raw/{head}/page.html")
    assert signed_in.driver.title != "run"
    assert "/raw/" not in signed_in.driver.current_url
