"""What the doctor says of a hub that does not answer at all, or is none."""

from __future__ import annotations

import socket

import pytest

from museui.doctor import hub
from museui.hub.trust import HubTrust


async def test_a_hub_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_PATIENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (check,) = await hub.examine_hub(base, "muse_x", HubTrust(), None)
    assert not check.ok and check.name == f"hub {base}" and "longer than" in check.message


async def test_a_token_is_not_sent_in_the_clear() -> None:
    (check,) = await hub.examine_hub("http://hub.example.org", "muse_x", HubTrust(), None)
    assert not check.ok and "plain HTTP" in check.message and "https" in check.hint


async def test_a_file_that_holds_no_certificates_is_said() -> None:
    (check,) = await hub.examine_hub("https://127.0.0.1:9", None, HubTrust("/nowhere/ca.pem"), None)
    assert not check.ok and "/nowhere/ca.pem" in check.message
