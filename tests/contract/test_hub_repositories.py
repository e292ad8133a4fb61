"""Making, listing and deleting repositories on a running hub, and what was pushed to one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.hub_index import line, made_id, seed_pushes, seed_repository


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture(scope="module")
def client(hub: HubProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hub.url, headers=hub.headers, trust_env=False) as made:
        yield made


def _create(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/repos", json={"owner": "ada", **fields})


def test_made_repository_is_there_with_what_was_asked_for(client: httpx.Client) -> None:
    made = _create(client, slug="album", visibility="public", domain="music", default_branch="trunk")
    assert made.status_code == 201
    document = made.json()
    assert {key: document[key] for key in ("owner", "slug", "visibility", "domain", "default_branch")} == {
        "owner": "ada",
        "slug": "album",
        "visibility": "public",
        "domain": "music",
        "default_branch": "trunk",
    }
    refs = client.get("/ada/album/refs").json()
    assert (refs["repo_id"], refs["default_branch"]) == (document["repo_id"], "trunk")


def test_made_repository_is_private_unless_said_otherwise(client: httpx.Client, hub: HubProcess) -> None:
    assert _create(client, slug="hidden").json()["visibility"] == "private"
    assert httpx.get(hub.repository("hidden") + "/refs", trust_env=False).status_code == 404


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"slug": "twice"}, 422),
        ({"slug": "Twice"}, 422),
        ({"slug": ".."}, 422),
        ({"slug": "a/b"}, 422),
        ({"slug": ""}, 422),
        ({"slug": 1}, 422),
        ({"slug": "x" * 101}, 422),
        ({}, 422),
        ({"slug": "x", "visibility": "secret"}, 422),
        ({"slug": "x", "default_branch": "a..b"}, 422),
        ({"slug": "x", "domain": "x" * 256}, 422),
        ({"slug": "x", "domain": "\x1b[2Jmusic"}, 422),
        ({"slug": "x", "owner": "bob"}, 403),
        ({"slug": "x", "owner": "repos"}, 403),
    ],
)
def test_repository_that_cannot_be_is_refused(client: httpx.Client, fields: dict[str, Any], status: int) -> None:
    _create(client, slug="twice")
    before = client.get("/repos").json()
    answer = _create(client, **fields)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == ("invalid" if status == 422 else "forbidden")
    assert client.get("/repos").json() == before


def test_making_one_needs_a_token_that_may_write_everywhere(hub: HubProcess, client: httpx.Client) -> None:
    _create(client, slug="narrow")
    for options in (["--scope", "read"], ["--repo", "ada/narrow"]):
        token = hub.command("token", "create", "ada", *options)
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.post("/repos", json={"owner": "ada", "slug": "wanted"}, headers=headers)
        assert answer.status_code == 403
    anonymous = httpx.post(hub.url + "/repos", json={"owner": "ada", "slug": "wanted"}, trust_env=False)
    assert anonymous.status_code == 401
    assert client.get("/ada/wanted/refs").status_code == 404


def test_list_comes_in_pages(client: httpx.Client) -> None:
    for number in range(5):
        _create(client, slug=f"page{number}")
    whole = [item["slug"] for item in client.get("/repos", params={"limit": 200}).json()["repositories"]]
    assert len(whole) >= 5 and whole == sorted(whole)
    paged: list[str] = []
    after: str | None = ""
    while after is not None:
        page = client.get("/repos", params={"limit": 2, "after": after}).json()
        assert len(page["repositories"]) <= 2
        paged += [item["slug"] for item in page["repositories"]]
        after = page["next"]
    assert paged == whole


def test_stranger_sees_public_ones_only(hub: HubProcess, client: httpx.Client) -> None:
    _create(client, slug="open", visibility="public")
    _create(client, slug="shut")
    slugs = {item["slug"] for item in httpx.get(hub.url + "/repos", trust_env=False).json()["repositories"]}
    assert "open" in slugs and "shut" not in slugs


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "9" * 5000, "١"])
def test_limit_that_is_no_number_in_range_is_invalid(client: httpx.Client, limit: str) -> None:
    _create(client, slug="limits")
    for path in ("/repos", "/ada/limits/pushes"):
        answer = client.get(path, params={"limit": limit})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


def test_deleted_repository_is_gone_with_its_history(hub: HubProcess, client: httpx.Client) -> None:
    _create(client, slug="gone")
    graph = line(3)
    seed_repository(hub.data_dir, "ada", "gone", graph, {"main": made_id("c2")})
    seed_pushes(hub.data_dir, "ada", "gone", 2)
    answer = client.delete("/ada/gone")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/ada/gone/refs").status_code == 404
    assert client.delete("/ada/gone").status_code == 404
    _create(client, slug="gone")
    assert client.get("/ada/gone/refs").json()["branch_heads"] == {}
    assert client.get("/ada/gone/pushes").json() == {"pushes": [], "next": None}


def test_pushes_are_listed_newest_first_in_pages(hub: HubProcess, client: httpx.Client) -> None:
    _create(client, slug="pushed")
    ids = seed_pushes(hub.data_dir, "ada", "pushed", 7)
    everything = client.get("/ada/pushed/pushes").json()
    order = [item["push_id"] for item in everything["pushes"]]
    assert sorted(order) == sorted(ids) and everything["next"] is None
    times = [item["created_at"] for item in everything["pushes"]]
    assert times == sorted(times, reverse=True)
    paged: list[str] = []
    before = None
    while True:
        params = {"limit": "3", **({"before": before} if before else {})}
        page = client.get("/ada/pushed/pushes", params=params).json()
        paged += [item["push_id"] for item in page["pushes"]]
        before = page["next"]
        if before is None:
            break
    assert paged == order
    assert client.get("/ada/pushed/pushes", params={"before": "nonsense"}).status_code == 404


def test_one_push_says_what_and_by_whom(hub: HubProcess, client: httpx.Client) -> None:
    _create(client, slug="one")
    _create(client, slug="two")
    ids = seed_pushes(hub.data_dir, "ada", "one", 2)
    push = client.get(f"/ada/one/pushes/{ids[1]}").json()
    assert push["push_id"] == ids[1]
    assert push["user"] == "ada"
    assert push["head"] == f"sha256:{made_id(1)}" and push["previous_head"] == f"sha256:{made_id(0)}"
    assert push["timings"] == {"verify": 0.5}
    assert push["promotion"] == "done"
    assert client.get(f"/ada/two/pushes/{ids[1]}").status_code == 404
    assert client.get("/ada/one/pushes/nonsense").status_code == 404
