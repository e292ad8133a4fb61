"""``GET refs`` and ``POST negotiate`` of a running hub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import msgpack
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.hub_index import line, made_id, seed_repository

GRAPH = line(30)
IDS = list(GRAPH)
MSGPACK = "application/x-msgpack"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        for slug in ("song", "empty", "other"):
            process.command("repo", "create", f"ada/{slug}", "--domain", "music")
        seed_repository(process.data_dir, "ada", "song", GRAPH, {"main": IDS[-1], "feature/é": IDS[3]})
        seed_repository(process.data_dir, "ada", "other", line(5, "other"), {"main": made_id("other4")})
        yield process


def _negotiate(hub: HubProcess, have: list[str], slug: str = "song") -> dict[str, object]:
    url = hub.repository(slug) + "/negotiate"
    answer = httpx.post(url, headers=hub.headers, json={"want": ["0" * 64], "have": have}, trust_env=False)
    assert answer.status_code == 200
    document: dict[str, object] = answer.json()
    return document


@pytest.mark.parametrize("accept", ["application/json", MSGPACK])
def test_refs_show_every_branch_qualified_in_json_and_bare_in_msgpack(hub: HubProcess, accept: str) -> None:
    answer = httpx.get(hub.repository() + "/refs", headers={**hub.headers, "Accept": accept}, trust_env=False)
    assert answer.headers["content-type"] == accept
    refs = msgpack.unpackb(answer.content) if accept == MSGPACK else answer.json()
    prefix = "" if accept == MSGPACK else "sha256:"
    assert refs["branch_heads"] == {"main": f"{prefix}{IDS[-1]}", "feature/é": f"{prefix}{IDS[3]}"}
    assert refs["domain"] == "music"
    assert refs["default_branch"] is None
    assert len(refs["repo_id"]) == 36
    assert {"bundle", "stream", "unpack"} <= set(refs["capabilities"])
    assert {"max_bundle_bytes", "max_object_bytes", "stream_max_objects"} <= set(refs["limits"])


def test_refs_of_an_empty_repository_have_no_branches(hub: HubProcess) -> None:
    answer = httpx.get(hub.repository("empty") + "/refs", headers=hub.headers, trust_env=False)
    assert answer.json()["branch_heads"] == {}


def test_negotiate_acknowledges_what_is_there_and_names_the_newest_as_base(hub: HubProcess) -> None:
    unknown = made_id("unknown")
    answer = _negotiate(hub, [f"sha256:{unknown}", IDS[7], f"sha256:{IDS[20]}", IDS[2]])
    assert answer["ack"] == [f"sha256:{IDS[at]}" for at in (7, 20, 2)]
    assert answer["common_base"] == f"sha256:{IDS[20]}"
    assert answer["ready"] is True


def test_negotiate_is_not_ready_while_nothing_is_common(hub: HubProcess) -> None:
    nothing: dict[str, Any] = {"ack": [], "common_base": None, "reached": []}
    assert _negotiate(hub, [made_id("unknown")]) == {**nothing, "ready": False}
    assert _negotiate(hub, []) == {**nothing, "ready": True}
    assert _negotiate(hub, [made_id("unknown")], "empty") == {**nothing, "ready": True}


def test_negotiate_speaks_of_this_repository_only(hub: HubProcess) -> None:
    assert _negotiate(hub, [made_id("other4")])["ack"] == []


def test_negotiate_takes_256_ids_and_not_257(hub: HubProcess) -> None:
    many = [made_id(f"u{number}") for number in range(255)]
    assert _negotiate(hub, [*many, IDS[0]])["ack"] == [f"sha256:{IDS[0]}"]
    url = hub.repository() + "/negotiate"
    answer = httpx.post(url, headers=hub.headers, json={"have": [*many, IDS[0], IDS[1]]}, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_negotiate_takes_msgpack_and_answers_in_msgpack_as_it_was_asked(hub: HubProcess, prefix: str) -> None:
    known = prefix + IDS[5]
    answer = httpx.post(
        hub.repository() + "/negotiate",
        headers={**hub.headers, "Content-Type": MSGPACK},
        content=msgpack.packb({"have": [known], "from_the_future": {"x": b"\x00"}}),
        trust_env=False,
    )
    assert answer.headers["content-type"] == MSGPACK
    document = msgpack.unpackb(answer.content)
    assert (document["ack"], document["common_base"]) == ([known], known)
