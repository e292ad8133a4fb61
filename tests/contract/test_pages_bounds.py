"""Pages of what is large or hostile: names that are markup, lists without end, records nobody should read whole."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.hub_index import line, made_id, seed_pushes, seed_repository
from tests.helpers.page_reader import Page, Visitor
from tests.helpers.push_client import PushClient
from tests.helpers.records import History, commit_record, digest, snapshot_record

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
TURNED = "\u202egpj.exe\u2066"
NAMES = [MARKUP + ".html", TURNED, "L" * 900, "a?b#c%2f&d", "{{ 7 * 7 }}", "\x85\u200b", "/".join(["n"] * 1500)]
TREE = {name: f"{number}{TURNED}{MARKUP}\r\n".encode() for number, name in enumerate(NAMES)}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        snapshot = snapshot_record(TREE)
        commit = commit_record(
            snapshot["snapshot_id"],
            message=f"{MARKUP}{TURNED}\n\n{MARKUP}{TURNED}",
            author=MARKUP + TURNED,
            agent_id=TURNED,
            sem_ver_bump=["not", "text"],
            metadata={MARKUP: TURNED},
            committed_at=MARKUP,
        )
        evil = History([commit], [snapshot], {digest(content): content for content in TREE.values()})
        with PushClient(process, "evil") as client:
            assert client.push(evil, "<b>bold</b>")[0] == 200
        plain = snapshot_record({f"{number:04}/file{number}": b"" for number in range(700)})
        huge = commit_record(plain["snapshot_id"], message="m" * (2 << 20))
        wide = commit_record(plain["snapshot_id"], [huge["commit_id"]], "wide")
        with PushClient(process, "large") as client:
            history = History([huge, wide], [plain], {digest(b""): b""})
            assert client.push(history)[0] == 200
        yield process


@pytest.fixture(scope="module")
def ada(hub: HubProcess) -> Iterator[Visitor]:
    with Visitor(hub.url, hub.token) as visitor:
        yield visitor


def _create(hub: HubProcess, slug: str) -> None:
    made = httpx.post(hub.url + "/repos", json={"owner": "ada", "slug": slug}, headers=hub.headers, trust_env=False)
    assert made.status_code == 201


def _head(ada: Visitor, slug: str) -> str:
    page = ada.read(f"/ada/{slug}")
    return next(link for link in page.links if "/-/commit/" in link).rpartition("/")[2]


def _harmless(page: Page) -> bool:
    hidden = set(page.raw) & set("\u202e\u2066\u200b\x85")
    return not hidden and not page.count("script") and page.count("img") == 1


def test_hostile_names_stay_text_wherever_they_are_shown(ada: Visitor) -> None:
    head = _head(ada, "evil")
    overview = ada.read("/ada/evil")
    commits = ada.read(overview.link("/-/commits/%3Cb%3Ebold%3C/b%3E"))
    commit = ada.read(f"/ada/evil/-/commit/{head}")
    pages = [overview, commits, commit, ada.read("/ada/evil/-/pushes"), ada.read("/ada/evil/-/branches")]
    folder = ada.read(f"/ada/evil/-/files/{head}")
    for page in [*pages, folder]:
        assert _harmless(page)
    assert all("<b>bold</b>" in page.text for page in pages if page is not commit)
    assert "U+202E gpj.exe U+2066" in " ".join(commit.text.split())
    assert "{{ 7 * 7 }}" in folder.text


def test_every_hostile_file_is_found_by_its_link(ada: Visitor) -> None:
    head = _head(ada, "evil")
    commit = ada.read(f"/ada/evil/-/commit/{head}")
    leaves = {link for link in commit.links if f"/-/files/{head}/" in link}
    assert len(leaves) == len(NAMES)
    shown = set()
    for link in leaves:
        page = ada.read(link)
        assert "U+202E gpj.exe U+2066" in page.text and not page.count("script") and page.count("img") == 1
        raw = ada.get(page.link(link.replace("/-/files/", "/-/raw/")))
        shown.add(raw.content)
        name = raw.headers["content-disposition"]
        assert name.startswith("attachment; filename*=UTF-8''") and name.isascii() and "%E2%80%AE" not in name
    assert shown == set(TREE.values())


def test_record_that_is_too_large_is_named_and_not_read(ada: Visitor) -> None:
    overview = ada.read("/ada/large")
    assert "too large to show" in overview.text and "mmm" not in overview.text
    link = [link for link in overview.links if "/-/commit/" in link][1]
    page = ada.read(link)
    assert "2.0 MiB" in page.text and "mmm" not in page.text and len(page.raw) < 100_000


def test_many_files_are_browsed_a_page_at_a_time(ada: Visitor) -> None:
    head = _head(ada, "large")
    commit = ada.read(f"/ada/large/-/commit/{head}")
    assert "700 files" in commit.text and f"/ada/large/-/files/{head}" in commit.links
    assert commit.count("details") == 1, "the record alone"
    path: str | None = f"/ada/large/-/files/{head}"
    seen: list[str] = []
    while path:
        page = ada.read(path)
        found = [link for link in page.links if link.startswith(f"/ada/large/-/files/{head}/")]
        assert len(found) <= 300
        seen += found
        path = page.next_page()
    assert len(seen) == len(set(seen)) == 700


def test_ten_thousand_pushes_and_branches_come_in_pages(hub: HubProcess, ada: Visitor) -> None:
    _create(hub, "busy")
    seed_pushes(hub.data_dir, "ada", "busy", 10_000)
    path: str | None = "/ada/busy/-/pushes"
    for _ in range(3):
        assert path
        page = ada.read(path)
        assert page.count("svg") == 25 * 3 and len(page.raw) < 200_000
        path = page.next_page()
    assert ada.read("/ada/busy/-/pushes?before=nonsense", 404)
    heads = {f"idea/{number:05}": made_id("c0") for number in range(450)}
    _create(hub, "forest")
    seed_repository(hub.data_dir, "ada", "forest", line(1), heads)
    page = ada.read("/ada/forest/-/branches")
    assert len({link for link in page.links if "/-/commits/idea/" in link}) == 200
    assert ada.read(str(page.next_page())).link("/-/commits/idea/00200")


def test_repositories_come_in_pages(hub: HubProcess, ada: Visitor) -> None:
    for number in range(60):
        _create(hub, f"r{number}")
    first = ada.read("/")
    second = ada.read(str(first.next_page()))
    shown = [link for page in (first, second) for link in page.links if link.startswith("/ada/")]
    assert len(shown) == len(set(shown)) >= 62
    assert second.next_page() is None


@pytest.mark.parametrize(
    "query",
    ["/-/commits/%3Cb%3Ebold%3C/b%3E?from=x", "/-/commits/%3Cb%3Ebold%3C/b%3E?from=" + ".".join(["0" * 64] * 100)],
)
def test_place_in_a_history_that_is_none_changes_nothing(ada: Visitor, query: str) -> None:
    answer = ada.get("/ada/evil" + query)
    assert answer.status_code in (200, 422) and Page(answer).problems == []


@pytest.mark.parametrize("path", ["/%ff", "/ada/%00", "/ada/evil/-/files/x/%ff%fe", "/-/x", "/-/static/a/b", "/a//b"])
def test_address_that_leads_nowhere_is_a_page_that_says_so(ada: Visitor, path: str) -> None:
    assert Page(ada.get(path)).status == 404
