"""The result of a fetch as people read it and as JSON: for ``fetch``, ``pull`` and ``clone``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.cells import cell_width, pad
from ..core.errors import EXIT_FAILED, EXIT_OK
from ..core.figures import render_bytes, render_count
from ..core.ids import qualified
from ..edge.output import warn
from .hub_target import HubTarget

if TYPE_CHECKING:
    from museui.sync.fetch import FetchResult


def tell_faults(result: FetchResult) -> int:
    """Say what of a fetch could not be kept; the exit code."""
    for fault in result.faults:
        warn(fault.message)
    return EXIT_FAILED if result.faults else EXIT_OK


def fetch_document(target: HubTarget, result: FetchResult) -> dict[str, Any]:
    """The ``--json`` document of a fetch."""
    return {
        "ok": not result.faults,
        "faults": [fault.to_json() for fault in result.faults],
        "repo": str(target.repository.root),
        "remote": target.remote,
        "url": str(target.url),
        "branch_heads": {branch: qualified(head) for branch, head in result.branch_heads.items()},
        "commits": result.commits,
        "snapshots": result.snapshots,
        "objects": result.objects,
        "wire_bytes": result.wire_bytes,
    }


def render_fetch(target: HubTarget, result: FetchResult) -> str:
    """What came, and where the hub's branches are."""
    if result.commits:
        size = render_bytes(result.wire_bytes)
        counts = f"{render_count(result.commits, 'commit')}, {render_count(result.objects, 'object')}"
        first = f"{target.url}: {counts}, {size}"
    else:
        first = f"{target.url}: nothing new"
    width = max((cell_width(branch) for branch in result.branch_heads), default=0)
    lines = [f"  {pad(branch, width)}  {head[:12]}" for branch, head in sorted(result.branch_heads.items())]
    return "\n".join([first, *lines])
