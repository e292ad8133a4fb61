"""What ``GET refs`` tells of a repository's branches beside where they are: nothing new, and what a person meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.program import Museui
from tests.helpers.workload import RepositoryBuilder

MSGPACK = "application/x-msgpack"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hub(request: pytest.FixtureRequest) -> Iterator[HubProcess]:
    if request.param == "sqlite":
        with HubProcess() as process:
            yield process
        return
    with HubProcess(database=request.getfixturevalue("postgresql").new_database()) as process:
        yield process


class Song:
    """A repository of a test, here and on the hub."""

    def __init__(self, hub: HubProcess, museui: Museui, folder: Path, slug: str) -> None:
        self.hub, self.museui, self.slug = hub, museui, slug
        self.made = RepositoryBuilder(folder / slug)
        self.url = hub.repository(slug)

    def push(self, *options: str) -> None:
        done = self.museui("push", self.made.root, "--remote", self.url, *options, MUSEUI_TOKEN=self.hub.token)
        assert done.code == 0, done.err

    def refs(self, token: str | None = None, **headers: str) -> httpx.Response:
        asked = {"Accept": "application/json", "Authorization": f"Bearer {token or self.hub.token}", **headers}
        return httpx.get(f"{self.url}/refs", headers=asked, trust_env=False)

    def removed(self, token: str | None = None) -> dict[str, str]:
        return {name: head.removeprefix("sha256:") for name, head in self.refs(token).json()["removed"].items()}


@pytest.fixture
def song(hub: HubProcess, museui: Museui, tmp_path: Path, request: pytest.FixtureRequest) -> Song:
    return Song(hub, museui, tmp_path, f"s{abs(hash(request.node.name))}")


@pytest.mark.parametrize("accept", ["application/json", MSGPACK])
def test_an_answer_that_is_known_is_not_given_again_until_it_is_another(song: Song, accept: str) -> None:
    song.made.commit({"a": b"1"})
    song.push()
    first = song.refs(Accept=accept)
    etag = first.headers["etag"]
    for asked in (etag, f"W/{etag}", f'"other", {etag}'):
        again = song.refs(Accept=accept, **{"If-None-Match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["x-request-id"]
    song.made.commit({"a": b"2"})
    song.push()
    now = song.refs(Accept=accept, **{"If-None-Match": etag})
    assert now.status_code == 200 and now.headers["etag"] != etag and now.content != first.content


def test_an_older_copy_of_the_hub_never_has_the_tag_of_another_answer(song: Song, tmp_path: Path) -> None:
    """The same number of moves, other commits: what a copy that was pushed to anew comes to."""
    first = song.made.commit({"a": b"1"})
    song.push()
    song.made.commit({"a": b"2"})
    song.push()
    before = song.refs().headers["etag"]
    song.made.set_branch("main", first)
    song.made.commit({"a": b"3"})
    song.push("--force")
    assert song.refs(**{"If-None-Match": before}).status_code == 200


def test_what_a_person_took_away_by_force_is_told_until_the_branch_goes_on(song: Song) -> None:
    first = song.made.commit({"a": b"1"})
    second = song.made.commit({"a": b"2"})
    song.push()
    assert song.removed() == {}
    song.made.set_branch("main", first)
    song.push("--force")
    assert song.removed() == {"main": second}
    song.made.commit({"a": b"3"})
    song.push()
    assert song.removed() == {}


def test_force_that_needed_none_takes_nothing_away(song: Song) -> None:
    song.made.commit({"a": b"1"})
    song.push()
    song.made.commit({"a": b"2"})
    song.push("--force")
    assert song.removed() == {}


def test_only_who_may_write_is_told(song: Song, request: pytest.FixtureRequest) -> None:
    name = f"r{abs(hash(request.node.name))}"
    song.made.commit({"a": b"0"})
    song.push()
    token = song.hub.new_user(name)
    song.made.commit({"a": b"2"})
    song.push()
    first = song.made.heads["main"]
    song.made.commit({"a": b"9"}, parents=[])
    song.push("--force")
    for access, told in (("read", {}), ("write", {"main": first})):
        answer = httpx.put(
            f"{song.url}/collaborators/{name}", headers=song.hub.headers, json={"access": access}, trust_env=False
        )
        assert answer.status_code == 200
        assert song.removed(token) == told


def test_a_repository_that_was_deleted_is_told_from_one_that_never_was(song: Song) -> None:
    def details() -> dict[str, Any]:
        answer = song.refs()
        assert answer.status_code == 404
        found: dict[str, Any] = answer.json()["error"]["details"]
        return found

    assert details()["deleted"] is False and details()["auto_create"] is True
    song.made.commit({"a": b"1"})
    song.push()
    assert httpx.delete(song.url, headers=song.hub.headers, trust_env=False).status_code == 204
    assert details()["deleted"] is True and details()["auto_create"] is True
    stranger = httpx.get(f"{song.url}/refs", trust_env=False)
    assert stranger.json()["error"]["details"] == {}


def test_whether_a_branch_holds_a_commit_can_be_asked(song: Song) -> None:
    first = song.made.commit({"a": b"1"})
    aside = song.made.commit({"a": b"9"}, branch="aside", parents=[])
    last = song.made.commit({"a": b"2"})
    song.push("--all-branches")

    def reached(*have: str) -> Any:
        message = {"want": [last], "have": list(have)}
        answer = httpx.post(f"{song.url}/negotiate", headers=song.hub.headers, json=message, trust_env=False)
        return [item.removeprefix("sha256:") for item in answer.json()["reached"]]

    assert reached(first, aside, last, "0" * 64) == [first, last]
    assert reached(*([first] * 5)) == []
