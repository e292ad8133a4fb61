"""What a hub has lost comes back with the next ``museui push``, whether there is anything new to push or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.hub import HubProcess, hub
from tests.helpers.program import Museui
from tests.helpers.push_client import PushClient
from tests.helpers.upkeep import check, check_and_repair, found, own_file
from tests.helpers.workload import RepositoryBuilder

__all__ = ["hub"]


@pytest.mark.parametrize("strategy", ["auto", "bundle"])
def test_a_push_brings_what_the_hub_has_lost(hub: HubProcess, museui: Museui, tmp_path: Path, strategy: str) -> None:
    builder = RepositoryBuilder(tmp_path / "work")
    builder.commit({"a": b"lost by the hub", "b": b"kept"})
    builder.commit({"b": b"kept", "c": b"later"})

    def push() -> dict[str, object]:
        url = hub.repository()
        answer = museui("push", builder.root, "--remote", url, "--json", "--strategy", strategy, MUSEUI_TOKEN=hub.token)
        assert answer.code == 0, answer.err
        return dict(answer.document)

    push()
    with PushClient(hub) as client:
        client.wait_promoted()
        lost = builder.add_object(b"lost by the hub")
        own_file(hub, lost).write_bytes(b"something else")
        hub.command("fsck", "--repair", expect=1)
        assert client.get(f"/o/{lost}").status_code == 404
        document = push()
        assert (document["up_to_date"], document["objects"], document["commits"]) == (False, 1, 0)
        assert client.read_object(lost) == b"lost by the hub"
        client.wait_promoted()
        assert push()["up_to_date"] is True
    assert check_and_repair(hub) == {}
    assert found(check(hub)) == set()
