"""A proxy or a portal answers in the hub's place for a while: that says nothing about a push, which then goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.daemon import DaemonProcess, daemon
from tests.helpers.hub import HubProcess
from tests.helpers.portal import Foreign, Portal
from tests.helpers.watched import heads, make_repository

__all__ = ["daemon"]
JSON = {"Content-Type": "application/json"}
MSGPACK = {"Content-Type": "application/x-msgpack"}
STATUSES = (302, 307, 400, 401, 403, 404, 407, 408, 409, 422, 429, 500, 502, 503, 504, 511, 522, 524)
ANSWERS = {
    **{str(status): Foreign(status, headers={"Location": "http://portal/"}) for status in STATUSES},
    "html": Foreign(200),
    "empty": Foreign(200, b"", {}),
    "no content": Foreign(204, b"", {}),
    "other json": Foreign(200, b'{"ok": true}', JSON),
    "half a message": Foreign(200, b"\x86\xa7repo_id", MSGPACK),
    "another's error": Foreign(403, b'{"error": {"code": 403, "message": "no"}}', JSON),
    "the hub's words": Foreign(404, b'{"error": {"code": "not_found", "message": "no"}}', JSON),
}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    """One hub for all of these."""
    with HubProcess() as process:
        yield process


def _port(portal: Portal) -> int:
    return int(portal.url.rpartition(":")[2])


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_commit_that_met_a_portal_is_pushed_when_the_hub_answers_again(
    hub: HubProcess, tmp_path: Path, kind: str
) -> None:
    slug = "to-" + kind.replace(" ", "-").replace("'", "")
    with Portal(hub.port) as portal, DaemonProcess() as daemon:
        daemon.sign_in(hub, port=_port(portal))
        made = make_repository(tmp_path, f"{portal.url}/ada/{slug}", slug)
        daemon.watch(made.root)
        portal.only, portal.answer = "/ada/", ANSWERS[kind]  # it lets /healthz through
        head = made.commit({"a": b"1"})
        entry = daemon.wait_failed()
        assert entry.state == "waiting" and entry.error and entry.error.retryable, entry
        portal.answer = None
        daemon.wait_safe(made.root)
        assert heads(hub, slug) == {"main": head}


@pytest.mark.parametrize("kind", ["302", "html", "403", "the hub's words"])
def test_a_portal_that_answers_everything_is_no_hub(
    hub: HubProcess, daemon: DaemonProcess, tmp_path: Path, kind: str
) -> None:
    slug = "all-" + kind.replace(" ", "-").replace("'", "")
    with Portal(hub.port) as portal:
        daemon.sign_in(hub, port=_port(portal))
        made = make_repository(tmp_path, f"{portal.url}/ada/{slug}", slug)
        portal.answer = ANSWERS[kind]
        head = made.commit({"a": b"1"})
        daemon.watch(made.root)
        seen = daemon.follow(
            lambda state: next((item for item in state.hubs.values() if item.reachable is False), None)
        )
        assert "not a hub" in seen.trouble.message or "not from a hub" in seen.trouble.message
        assert daemon.museui("push", made.root, "--json", "--no-daemon", expect=3).stdout
        portal.answer = None
        daemon.wait_safe(made.root)
        assert heads(hub, slug) == {"main": head}


@pytest.mark.parametrize("only", ["/presign", "/staging/", "/confirm", "/negotiate", "/refs", "/stream"])
@pytest.mark.parametrize("kind", ["403", "html", "404", "the hub's words"])
def test_whichever_request_it_answers(
    hub: HubProcess, daemon: DaemonProcess, tmp_path: Path, only: str, kind: str
) -> None:
    slug = f"at-{only.strip('/')}-{kind}".replace(" ", "-").replace("'", "")
    with Portal(hub.port) as portal:
        daemon.sign_in(hub, port=_port(portal))
        made = make_repository(tmp_path, f"{portal.url}/ada/{slug}", slug)
        other = make_repository(tmp_path / "other", f"{portal.url}/ada/{slug}", slug)
        if only == "/negotiate":  # is asked when the hub has what is not here
            other.commit({"b": b"0"}, branch="other")
            daemon.museui("push", other.root, "--branch", "other")
        portal.only, portal.answer = only, ANSWERS[kind]
        many = {f"{number}": b"%d" % number for number in range(600)}  # too many for one request
        head = made.commit({"a": b"1"} if only == "/stream" else many)
        daemon.watch(made.root)
        assert portal.taken.wait(60)
        entry = daemon.wait_failed()
        assert entry.state == "waiting", entry
        portal.answer = None
        daemon.wait_safe(made.root)
        assert heads(hub, slug)["main"] == head
