"""The pages for people, read over HTTP: what they show, and of what."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from museui.core.signatures import encode_key, key_id, sign_commit
from tests.helpers.hub import HubProcess
from tests.helpers.hub_index import enrol_key
from tests.helpers.page_reader import BROWSER, Page, Visitor
from tests.helpers.push_client import PushClient
from tests.helpers.records import History, commit_record, digest, snapshot_record

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(64)
OLD_KEY_ID = "e24c3d674e79495c"
TREE = {
    "verse.txt": "la la\n  <b>la</b> ☃\n".encode(),
    "tracks/verse/piano.mid": b"MThd\0\0\0\6",
    "tracks/drums.mid": b"MThd\0\0\0\7",
    "cover.png": PICTURE,
    "page.html": b"<script>document.title = 'run'</script>",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "empty": b"",
    "long.txt": b"x\n" * 6000,
    "large.txt": b"x" * (600 << 10),
}


def _signed(record: dict[str, Any], key: bytes) -> dict[str, Any]:
    bare = {**record, "commit_id": str(record["commit_id"]).removeprefix("sha256:")}
    return {**sign_commit(bare, key), "commit_id": record["commit_id"]}


def make_song() -> History:
    """Five commits, one for each state a signature can have; the last is a merge of two that stand side by side."""
    trees = [dict(TREE), {**TREE, "verse.txt": b"lo lo\n", "new.txt": b"new\n"}]
    del trees[1]["tracks/drums.mid"]
    snapshots = [snapshot_record(tree) for tree in trees]
    one, two = (snapshot["snapshot_id"] for snapshot in snapshots)
    root = commit_record(one, message="First take\n\nWith a second paragraph.", author="Ada L.", agent_id="composer-3")
    mine = _signed(commit_record(two, [root["commit_id"]], "Signed by a known key"), KEY)
    theirs = _signed(commit_record(one, [root["commit_id"]], "Signed by a foreign key"), OTHER_KEY)
    hmac = {"signature": "ab" * 32, "signer_key_id": OLD_KEY_ID, "format_version": 5}
    old = commit_record(one, [theirs["commit_id"]], "Signed the old way", **hmac)
    merge = commit_record(two, [old["commit_id"], mine["commit_id"]], "Together")
    contents = {digest(content): content for tree in trees for content in tree.values()}
    return History([root, mine, theirs, old, merge], snapshots, contents)


SONG = make_song()
IDS = [str(commit["commit_id"]).removeprefix("sha256:") for commit in SONG.commits]
HEAD, ROOT = IDS[-1], IDS[0]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        wanted = {"owner": "ada", "slug": "song", "visibility": "public"}
        assert httpx.post(process.url + "/repos", json=wanted, headers=process.headers, trust_env=False).is_success
        with PushClient(process) as client:
            status, answer = client.push(SONG, "main")
            assert status == 200, answer
            assert client.push(SONG, "idea/one", force=True)[0] == 200
        enrol_key(process.data_dir, "ada", KEY)
        yield process


@pytest.fixture
def visitor(hub: HubProcess) -> Iterator[Visitor]:
    with Visitor(hub.url) as made:
        yield made


def test_front_page_lists_what_one_may_read(hub: HubProcess, visitor: Visitor) -> None:
    hub.command("repo", "create", "ada/hidden")
    page = visitor.read("/")
    assert "/ada/song" in page.links and "/ada/hidden" not in page.links
    assert "2 branches" in page.text and "pushed" in page.text
    with Visitor(hub.url, hub.token) as ada:
        page = ada.read("/")
        assert "/ada/hidden" in page.links
        assert "never pushed" in page.text


def test_repository_page_shows_branches_commits_pushes_and_how_to_clone(hub: HubProcess, visitor: Visitor) -> None:
    page = visitor.read("/ada/song")
    assert f"museui clone {hub.url}/ada/song" in page.text
    assert {"/ada/song/-/commits/main", "/ada/song/-/commits/idea/one"} <= set(page.links)
    assert [link.rpartition("/")[2] for link in page.links].count(HEAD) >= 2
    for phase in ("transfer", "index", "advance_ref"):
        assert phase in page.text


def test_each_commit_says_how_it_is_signed(visitor: Visitor) -> None:
    text = visitor.read("/ada/song/-/commits/main").text
    told = {commit["message"].partition("\n")[0]: "" for commit in SONG.commits}
    places = sorted((text.index(subject), subject) for subject in told)
    for (start, subject), (end, _) in zip(places, [*places[1:], (len(text), "")], strict=True):
        told[subject] = text[start:end]
    assert "✓ signed by ada" in told["Signed by a known key"]
    foreign = key_id(_public(OTHER_KEY))
    assert f"✓ signed key {foreign}" in told["Signed by a foreign key"]
    assert "? signed, unverifiable" in told["Signed the old way"]
    assert "unsigned" in told["First take"] and "unsigned" in told["Together"]
    old = next(index for index, commit in zip(IDS, SONG.commits, strict=True) if "old way" in commit["message"])
    page = visitor.read(f"/ada/song/-/commit/{old}")
    assert f'{OLD_KEY_ID}</bdi></code></span> <span class="faint">only the signer can check' in page.raw


def _public(private: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def test_revoked_key_is_nobody_s(hub: HubProcess, visitor: Visitor) -> None:
    enrol_key(hub.data_dir, "ada", OTHER_KEY, revoked_at=2.0)
    page = visitor.read(f"/ada/song/-/commit/{IDS[2]}")
    assert "signed by ada" not in page.text and "not a key that is enrolled here" in page.text


def test_commit_page_has_the_record_the_changes_and_the_files(visitor: Visitor) -> None:
    page = visitor.read(f"/ada/song/-/commit/{HEAD}")
    assert "Together" in page.text and HEAD in page.text
    assert {f"/ada/song/-/commit/{IDS[3]}", f"/ada/song/-/commit/{IDS[1]}"} <= set(page.links)
    assert "1 file added 1 changed 1 removed" in page.text
    assert "added new.txt" in page.text and "changed verse.txt" in page.text
    assert "removed tracks/drums.mid" in page.text
    assert f"/ada/song/-/files/{HEAD}/tracks/verse/piano.mid" in page.links
    assert page.count("details") == 3, "the record, and two folders"
    assert "600.0 KiB" in page.text
    root = visitor.read(f"/ada/song/-/commit/{ROOT}")
    assert "With a second paragraph." in root.text and "composer-3" in root.text and "Ada L." in root.text
    assert "9 files added" in root.text
    assert '"message": "First take\\n\\nWith a second paragraph."' in root.text


def test_folder_lists_what_lies_in_it(visitor: Visitor) -> None:
    page = visitor.read(f"/ada/song/-/files/{ROOT}")
    assert "tracks / 2 files" in page.text.replace("tracks/", "tracks /")
    assert "verse.txt" in page.text and "piano.mid" not in page.text
    page = visitor.read(f"/ada/song/-/files/{ROOT}/tracks")
    assert "drums.mid" in page.text and "verse.txt" not in page.text
    visitor.read(f"/ada/song/-/files/{ROOT}/trac", 404)
    visitor.read(f"/ada/song/-/files/{ROOT}/tracks/verse/piano.mid/x", 404)


def test_text_is_shown_with_numbered_lines_and_nothing_else_is(visitor: Visitor) -> None:
    page = visitor.read(f"/ada/song/-/files/{ROOT}/verse.txt")
    assert "la la <b>la</b> ☃" in page.text and "2 lines" in page.text
    assert [attributes["id"] for tag, attributes in page.tags if tag == "li" and "id" in attributes] == ["L1", "L2"]
    assert "no text" in visitor.read(f"/ada/song/-/files/{ROOT}/tracks/drums.mid").text
    assert "empty" in visitor.read(f"/ada/song/-/files/{ROOT}/empty").text
    assert "too large" in visitor.read(f"/ada/song/-/files/{ROOT}/large.txt").text
    long = visitor.read(f"/ada/song/-/files/{ROOT}/long.txt")
    assert "first 5,000 lines" in long.text and long.count("li") == 5000


def test_picture_is_painted_where_its_page_shows_it(visitor: Visitor) -> None:
    page = visitor.read(f"/ada/song/-/files/{ROOT}/cover.png")
    (picture,) = [attributes["src"] for tag, attributes in page.tags if tag == "img" and "raw" in attributes["src"]]
    assert visitor.get(picture).headers["content-type"] == "image/png"
    drawing = visitor.read(f"/ada/song/-/files/{ROOT}/drawing.svg")
    assert not [src for tag, attributes in drawing.tags if tag == "img" and "raw" in (src := attributes["src"])]


@pytest.mark.parametrize("name", list(TREE))
def test_whatever_is_stored_is_only_ever_downloaded(visitor: Visitor, name: str) -> None:
    response = visitor.get(f"/ada/song/-/raw/{ROOT}/{name}")
    assert response.content == TREE[name]
    safe = "image/png" if name == "cover.png" else "application/octet-stream"
    assert response.headers["content-type"] == safe
    assert response.headers["content-disposition"] == f"attachment; filename*=UTF-8''{name.rpartition('/')[2]}"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    plain = visitor.get(f"/o/{hashlib.sha256(TREE[name]).hexdigest()}")
    assert plain.content == TREE[name]
    assert plain.headers["content-disposition"] == "attachment"
    assert plain.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_download_can_go_on_and_is_asked_for_again(visitor: Visitor) -> None:
    path = f"/ada/song/-/raw/{ROOT}/large.txt"
    whole = visitor.get(path)
    part = visitor.http.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, b"x" * 10)
    again = visitor.http.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_push_is_drawn_against_the_gates(visitor: Visitor) -> None:
    page = visitor.read("/ada/song/-/pushes")
    assert page.text.count("of 10 s ✓") == 2 and page.text.count("of 0.5 s ✓") == 2
    assert page.text.count("of 5 s ✓") == 2, "a bundle has a transfer"
    assert page.count("svg") == 6
    assert "forced" not in page.text.partition("Pushes")[0]
    assert "5 commits" in page.text and "as bundle" in page.text
    widths = [attributes["width"] for tag, attributes in page.tags if tag == "rect" and "step" in attributes["class"]]
    assert len(widths) == 2 * (1 + 4 + 1)
    assert all(0 <= float(width.removesuffix("%")) <= 100 for width in widths)


def test_same_page_has_the_same_sheet_under_an_address_of_its_own(visitor: Visitor) -> None:
    (sheet,) = [
        attributes["href"] for tag, attributes in visitor.read("/").tags if attributes.get("rel") == "stylesheet"
    ]
    response = visitor.get(sheet)
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in response.headers["cache-control"]
    assert hashlib.sha256(response.content).hexdigest().startswith(sheet.split("/")[-2])
    assert visitor.get(sheet.replace(sheet.split("/")[-2], "0" * 16)).status_code == 404
    assert visitor.get(sheet.replace("style.css", "..%2fsite.py")).status_code == 404


@pytest.mark.parametrize("path", ["/", "/ada/song", "/ada/nothing", f"/ada/song/-/commit/{HEAD}", "/-/sign-in"])
def test_page_may_load_nothing_and_be_framed_by_nobody(visitor: Visitor, path: str) -> None:
    response = visitor.get(path)
    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["style-src"] == policy["img-src"] == policy["form-action"] == "'self'"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    page = Page(response)
    assert not page.count("script") and not page.count("style")
    assert not [name for _, attributes in page.tags for name in attributes if name == "style" or name.startswith("on")]
    assert page.count("h1") == page.count("main") == page.count("header") == 1


def test_failure_is_a_page_for_browsers_and_a_message_for_programs(hub: HubProcess, visitor: Visitor) -> None:
    page = visitor.read("/ada/nothing", 404)
    assert "There is no such repository." in page.text
    assert visitor.read("/nowhere", 404).count("h1") == 1
    assert "404" in visitor.read("/ada/song/-/commit/xyz", 404).text
    assert visitor.read(f"/ada/song/-/commit/{'0' * 64}", 404)
    assert visitor.read("/ada/song/-/commits/none", 404)
    assert Page(visitor.http.put("/ada/song")).status == 405
    bad = Page(visitor.http.get("/ada/song", headers={"Authorization": "Bearer x"}))
    assert bad.status == 401 and "Please sign in" in bad.text
    for accept in ("*/*", "application/json", "application/json, text/html", ""):
        answer = httpx.get(hub.url + "/ada/nothing", headers={"Accept": accept}, trust_env=False)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_programs_keep_what_they_have(hub: HubProcess, visitor: Visitor) -> None:
    assert visitor.get("/ada/song/refs").json()["branch_heads"]["main"] == f"sha256:{HEAD}"
    assert visitor.get("/ada/song/pushes").json()["pushes"]
    assert visitor.get("/repos").json()["repositories"]
    assert httpx.delete(hub.repository(), headers=BROWSER, trust_env=False).status_code == 401


def test_pages_stand_behind_a_path_of_a_proxy() -> None:
    with HubProcess("--public-url", "https://music.example.org/hub") as hub:
        hub.command("repo", "create", "ada/song", "--visibility", "public")
        (port,) = re.findall(r"serving port=(\d+)", hub.log)
        with Visitor(f"http://127.0.0.1:{port}") as visitor:
            page = visitor.read("/")
            assert "/hub/ada/song" in page.links
            assert all(link.startswith(("/hub", "#")) for link in page.links)
            assert "remote add origin https://music.example.org/hub/ada/song" in visitor.read("/ada/song").text
            answer = visitor.post("/-/sign-in", {"token": hub.token}, "https://music.example.org")
        assert (answer.status_code, answer.headers["location"]) == (303, "/hub/")
        cookie = answer.headers["set-cookie"]
        assert "Secure" in cookie and "Path=/hub;" in cookie


def test_keys_are_told_by_their_ids(visitor: Visitor) -> None:
    page = visitor.read(f"/ada/song/-/commit/{IDS[1]}")
    assert key_id(_public(KEY)) in page.text and encode_key(_public(KEY)) in page.text
