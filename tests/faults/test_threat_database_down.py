"""PostgreSQL does not answer: everybody is told so, and nobody but the log where it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.routing import Route

from hubstub.app import build_app
from tests.helpers.hub import HubProcess
from tests.helpers.postgresql import PostgresServer, find_programs

JSON, HTML = "application/json", "text/html"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    if find_programs() is None:
        pytest.skip("there is no PostgreSQL here")
    with PostgresServer() as server, HubProcess(database=server.new_database()) as process:
        process.command("repo", "create", "ada/song")
        server.stop()
        yield process
        server.start()


def _places() -> list[tuple[str, str]]:
    """Every method of every address, with something in the places of its parts."""
    settings: Any = SimpleNamespace(settings=SimpleNamespace(send_idle_s=1.0, trusted_proxies=()))
    app = build_app(settings)
    parts = {"owner": "ada", "slug": "song", "object_id": "a" * 64, "commit": "a" * 64, "push_id": "a" * 32}
    found = []
    for route in app.routes:
        assert isinstance(route, Route)
        path = re.sub(r"{(\w+)(?::path)?}", lambda match: parts.get(match[1], "x"), route.path)
        found += [(method, path) for method in sorted(route.methods or ())]
    return found


def test_nobody_is_told_where_the_database_is(hub: HubProcess) -> None:
    address = urlsplit(hub.database or "")
    secret = [str(address.port), address.path[1:], "postgres", "asyncpg"]
    failed = 0
    with httpx.Client(trust_env=False, timeout=60) as client:
        for method, path in _places():
            for accept in (JSON, HTML):
                headers = {**hub.headers, "Accept": accept, "Content-Type": JSON, "Origin": hub.url}
                answer = client.request(method, hub.url + path, headers=headers, content=b"{}")
                text = f"{answer.headers}\n{answer.text}".lower().replace(hub.url, "")
                assert not [word for word in secret if word in text], (method, path, answer.text)
                failed += answer.status_code == 503
    assert failed > 50
    assert str(address.port) in hub.log, "who runs the hub finds it in the log"
