"""What a hub shows and what it holds, before and after an attack: the two must be equal.

Staged bytes do not count: what was uploaded legitimately waits there until somebody confirms it or it expires. Nor does
the file that the hub writes aside at this moment, to note how far it has come.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import hub_contents, read_rows

_WRITING_S = 5.0


@dataclass(frozen=True)
class Fingerprint:
    """``refs``: every repository that the hub's owner may read → the body of its ``GET refs``; ``rows`` by table."""

    refs: dict[str, bytes]
    rows: dict[str, list[tuple[Any, ...]]]
    files: frozenset[str]


def take_fingerprint(hub: HubProcess) -> Fingerprint:
    """The hub as it is now, once it has promoted what there was to promote."""
    rows, files = hub_contents(hub.data_dir)
    ends_s = time.monotonic() + _WRITING_S
    while any(path.startswith("store/tmp/") for path in files) and time.monotonic() < ends_s:
        rows, files = hub_contents(hub.data_dir)
    with httpx.Client(base_url=hub.url, headers=hub.headers, timeout=60, trust_env=False, verify=False) as client:
        refs = {name: client.get(f"/{name}/refs").raise_for_status().content for name in _readable(hub)}
    kept = frozenset(path for path in files if not path.startswith("store/staging/"))
    return Fingerprint(refs, rows, kept)


def _readable(hub: HubProcess) -> list[str]:
    rows = read_rows(
        hub.data_dir,
        "SELECT users.name || '/' || slug FROM repositories JOIN users ON users.id = owner_id"
        f" WHERE visibility = 'public' OR users.name = '{hub.owner}' ORDER BY 1",
    )
    return [name for (name,) in rows]


@contextmanager
def unchanged(hub: HubProcess) -> Iterator[None]:
    """Fail unless the hub, after what happens inside, is as it was before."""
    before = take_fingerprint(hub)
    yield
    after = take_fingerprint(hub)
    assert after.refs == before.refs
    for table, rows in before.rows.items():
        assert after.rows[table] == rows, f"table {table} has changed"
    assert after.files == before.files
