"""The demo without a terminal: a hub, a repository with a history, a push and the way back, once, in words."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import Internal
from ..edge.output import print_json, talk
from ..edge.run_async import run_async
from ..local.hub_process import run_hub

if TYPE_CHECKING:
    from museui.hub.client import HubClient
    from museui.repo.repository import Repository
    from museui.sync.push_outcome import PushOutcome

RenderPush = Callable[[Mapping[str, Any]], str]


def demonstrate(render_push: RenderPush, *, as_json: bool, quiet: bool) -> None:
    """Run the demo once and print what happened: lines on stderr, or one JSON document.

    ``render_push`` turns the document of a push into lines.
    """
    quiet = quiet or as_json
    began_s = time.perf_counter()
    folder = Path(tempfile.mkdtemp(prefix="museui-demo-"))
    try:
        with run_hub(folder / "hub") as (base, owner, token):
            talk(f"hub       running at {base}", quiet=quiet)
            document = run_async(_demonstrate(folder, base, owner, token, render_push, quiet))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    document["seconds"] = round(time.perf_counter() - began_s, 3)
    if as_json:
        print_json(document)
    else:
        talk(f"done      in {document['seconds']:.1f} s; the temporary folder is gone", quiet=quiet)


async def _demonstrate(
    folder: Path, base: str, owner: str, token: str, render_push: RenderPush, quiet: bool
) -> dict[str, Any]:
    from museui.core.figures import render_bytes, render_seconds
    from museui.hub.client import HubClient
    from museui.hub.url import RepositoryUrl
    from museui.repo.config import Remote
    from museui.repo.repository import Repository
    from museui.sync.fetch import fetch

    from .song import Song

    url = RepositoryUrl(base, owner, "song")
    song = Repository.init(folder / "song", "midi")
    song.set_remote(Remote("origin", str(url), "main"))
    history = Song(song)
    history.write()
    talk(f"song      a repository with {len(list(song.store.commit_ids()))} commits", quiet=quiet)

    async with HubClient(url, token) as client:
        first = await _push(folder, song, client)
        talk("push      the whole history, as one bundle", quiet=quiet)
        talk(render_push(first.to_json()), quiet=quiet)
        history.write(1)
        second = await _push(folder, song, client)
        talk(f"push      one more commit: {render_seconds(second.total_seconds)}", quiet=quiet)
        third = await _push(folder, song, client)
        talk(f"push      again: up to date after {third.requests} request", quiet=quiet)

        copy = Repository.init(folder / "copy", song.domain, repo_id=song.repo_id)
        began_s = time.perf_counter()
        fetched = await fetch(copy, client, "origin")
        fetch_s = time.perf_counter() - began_s
    talk(
        f"fetch     into a second folder: {fetched.commits} commits, {fetched.objects} objects, "
        f"{render_bytes(fetched.wire_bytes)}, {render_seconds(fetch_s)}",
        quiet=quiet,
    )
    files = _compare(song, copy)
    talk(f"compare   {files} files of the two repositories are the same, byte for byte", quiet=quiet)
    return {
        "ok": True,
        "url": str(url),
        "pushes": [result.to_json() for result in (first, second, third)],
        "fetch": {
            "commits": fetched.commits,
            "snapshots": fetched.snapshots,
            "objects": fetched.objects,
            "wire_bytes": fetched.wire_bytes,
            "seconds": round(fetch_s, 6),
        },
        "compared_files": files,
    }


async def _push(folder: Path, song: Repository, client: HubClient) -> PushOutcome:
    from museui.sync.push import Push
    from museui.sync.push_request import Environment, PushRequest

    request = PushRequest(branch="main", head=song.branches()["main"], remote="origin")
    return await Push(song, client, request, Environment(kept_bundles=folder / "spool")).run()


def _compare(song: Repository, copy: Repository) -> int:
    """How many files of commits, snapshots and objects are equal. Raises :class:`Internal` when one is not."""
    names = [
        path.relative_to(song.muse)
        for kind in ("commits", "snapshots", "objects")
        for path in (song.muse / kind).rglob("*")
        if path.is_file()
    ]
    for name in names:
        other = copy.muse / name
        if not other.is_file() or other.read_bytes() != (song.muse / name).read_bytes():
            raise Internal(f"{name} came back different")
    if copy.read_tracking("origin", "main") != song.branches()["main"]:
        raise Internal("the branch came back different")
    return len(names)
