"""The client is killed at every named place of a push; the next push ends it: one branch move, nothing sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from museui.sync.push import FAILPOINTS
from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import read_tables, stored_files
from tests.helpers.program import Museui
from tests.helpers.push_client import wait_until
from tests.helpers.workload import RepositoryBuilder

ARRIVED = {"push.transferred", "push.confirmed"}
"""Killed there, the bytes are at the hub."""
STREAMED = ("push.packed", "push.transferred", "push.confirmed")


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def builder(tmp_path: Path) -> RepositoryBuilder:
    made = RepositoryBuilder(tmp_path / "work")
    for number in range(5):
        made.commit({"a.txt": b"take %d" % number, "b.bin": bytes(range(256)) * number})
    return made


def puts(hub: HubProcess) -> int:
    """How many bundles have been taken in so far."""
    return sum("method=PUT" in line and "status=200" in line for line in hub.log.splitlines())


@pytest.mark.parametrize(
    ("strategy", "place"),
    [("bundle", place) for place in FAILPOINTS]
    + [("stream", place) for place in STREAMED]
    + [("objects", place) for place in FAILPOINTS if place != "push.packing"],
)
def test_a_killed_push_is_ended_by_the_next(
    hub: HubProcess, museui: Museui, home: Path, builder: RepositoryBuilder, place: str, strategy: str
) -> None:
    slug = f"{strategy}-{place.replace('.', '-')}"
    options = ("--remote", hub.repository(slug), "--strategy", strategy, "--json")
    puts_before = puts(hub)
    killed = museui("push", builder.root, *options, MUSEUI_TOKEN=hub.token, MUSEUI_FAILPOINT=place)
    assert killed.code == -9
    moved_before = pushes_of(hub, slug)
    assert len(moved_before) == (1 if place == "push.confirmed" else 0)

    ended = museui("push", builder.root, *options, MUSEUI_TOKEN=hub.token)
    assert ended.code == 0, ended.out
    assert ended.document["up_to_date"] == (place == "push.confirmed")
    (push,) = pushes_of(hub, slug)
    assert push == builder.heads["main"]
    if strategy == "bundle":
        wait_until(lambda: puts(hub) == puts_before + 1)
        if place in ARRIVED - {"push.confirmed"}:
            transfer = ended.document["phases"][2]
            assert transfer["detail"]["already_present"] is True
            assert transfer["detail"]["bytes"] == 0
    elif strategy == "objects" and place != "push.confirmed":
        detail = ended.document["phases"][2]["detail"]
        arrived = {"push.transferring": 5, "push.transferred": 10}.get(place, 0)
        assert detail["objects_present"] >= arrived
        assert detail["objects_present"] + detail["objects_sent"] == ended.document["objects"] == 10
    assert litter(home) == []
    wait_until(lambda: all(path.startswith("store/objects/") for path in stored_files(hub.data_dir)))


def pushes_of(hub: HubProcess, slug: str) -> list[str]:
    """The heads that pushes moved branches of this repository to."""
    tables = read_tables(hub.data_dir, ("repositories", "pushes"))
    ids = {row[0] for row in tables["repositories"] if slug in row}
    return [next(v for v in row[4:5]).hex() for row in tables["pushes"] if row[1] in ids]


def litter(home: Path) -> list[str]:
    """What a push has left in the home folder, but for what it remembers of lines."""
    return [str(path) for path in home.rglob("*") if path.is_file() and path.name != "lines.json"]


def test_what_was_packed_and_superseded_is_removed(
    hub: HubProcess, museui: Museui, home: Path, builder: RepositoryBuilder
) -> None:
    options = ("--remote", hub.repository("superseded"), "--strategy", "bundle")
    killed = museui("push", builder.root, *options, MUSEUI_TOKEN=hub.token, MUSEUI_FAILPOINT="push.packed")
    assert killed.code == -9
    assert any(path.endswith(".bundle") for path in litter(home))
    builder.commit({"a.txt": b"one more"})
    assert museui("push", builder.root, *options, MUSEUI_TOKEN=hub.token).code == 0
    assert litter(home) == []


def test_a_push_that_cannot_reach_the_hub_keeps_what_it_packed(
    museui: Museui, home: Path, builder: RepositoryBuilder
) -> None:
    with HubProcess() as hub:
        options = ("--remote", hub.repository("song"), "--strategy", "bundle", "--json")
        packed = museui("push", builder.root, *options, MUSEUI_TOKEN=hub.token, MUSEUI_FAILPOINT="push.packed")
        assert packed.code == -9
        hub.stop()
        away = museui("push", builder.root, *options, MUSEUI_TOKEN=hub.token)
        assert (away.code, away.document["error"]["code"]) == (3, "unreachable")
        assert away.document["error"]["retryable"] is True
        hub.start()
        back = museui("push", builder.root, *options, MUSEUI_TOKEN=hub.token)
        assert back.code == 0
        assert back.document["phases"][1]["detail"]["reused"] is True
    assert litter(home) == []
