"""``museui bench``: the reference work pushed to a hub in several ways, phase by phase against the gates."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.errors import Usage
from ...core.phases import GATES, TOTAL_GATE_S
from ...edge.output import json_option, print_json, quiet_option, talk, warn
from ...edge.run_async import run_async

if TYPE_CHECKING:
    from ...bench.rounds import Way

_STRATEGIES = ("bundle", "stream", "objects")


@click.command()
@click.option("--hub", "hub_url", metavar="URL", help="The hub to measure.  [default: one of its own, for as long]")
@click.option("--minio", is_flag=True, help="Let the hub of its own keep objects on the 'minio' on PATH.")
@click.option("--size", type=click.Choice(("small", "reference")), default="reference", show_default=True)
@click.option("--strategy", "strategies", type=click.Choice(_STRATEGIES), multiple=True, default=("bundle", "objects"))
@click.option(
    "--in-flight",
    type=click.IntRange(1, 64),
    multiple=True,
    default=(1, 32),
    help="For 'objects': how many are on their way at once; each number is a way of its own.  [default: 1, 32]",
)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--rtt-ms",
    type=click.FloatRange(0, 10_000),
    default=0,
    help="Put a line of this round trip time in between, to the hub and to its object store.",
)
@json_option
@quiet_option
def command(
    hub_url: str | None,
    minio: bool,
    size: str,
    strategies: Sequence[Any],
    in_flight: Sequence[int],
    rounds: int,
    rtt_ms: float,
    as_json: bool,
    quiet: bool,
) -> int:
    """Measure a hub: the same history as one bundle and as one object at a time.

    What it makes on the hub it deletes again. The gates are for the size 'reference'.
    """
    if hub_url and minio:
        raise Usage("--minio is for a hub of its own", hint="Leave out --hub or --minio.")
    from museui.repo.repository import Repository
    from museui.settings.hubs import find_trust

    from ...bench.delayed_transport import DelayProxies
    from ...bench.reference_work import REFERENCE, SMALL, Size, write_muse_work
    from ...bench.rounds import Bench, Way

    quiet = quiet or as_json
    ways = [
        Way(strategy, count)
        for strategy in dict.fromkeys(strategies)
        for count in (dict.fromkeys(in_flight) if strategy == "objects" else (0,))
    ]
    with ExitStack() as stack:
        folder = stack.enter_context(_temporary_folder())
        base, token = stack.enter_context(_open_hub(hub_url, folder / "hub", minio))
        proxies = stack.enter_context(DelayProxies(rtt_ms)) if rtt_ms else None
        bench = Bench(base, token, folder / "spool", proxies, find_trust(base, os.environ))
        owner = run_async(bench.check_token())
        work = write_muse_work(folder / "work", REFERENCE if size == "reference" else SMALL)
        write_muse_work(folder / "warm-up", Size(1, 1, 1000, 1))
        facts = {"commits": work.commits, "objects": work.objects, "bytes": work.content_bytes}
        talk(f"work      {work.commits} commits, {work.objects} objects, {work.content_bytes} bytes", quiet=quiet)

        def show(number: int, way: Way) -> None:
            talk(f"round {number}   {way.name}: {way.results[-1].total_seconds:.3f} s", quiet=quiet)

        (folder / "spool").mkdir()
        repositories = [Repository.open(folder / name) for name in ("work", "warm-up")]
        run_async(bench.run(owner, repositories[0], repositories[1], ways, rounds, show))
    if as_json:
        document = {"ok": True, "hub": hub_url, "minio": minio, "size": size, "work": facts, "rtt_ms": rtt_ms}
        print_json({**document, "ways": [way.to_json(ways[0]) for way in ways]})
    else:
        click.echo(render_table(ways))
    return 0


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="museui-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _open_hub(hub_url: str | None, data: Path, minio: bool) -> Iterator[tuple[str, str | None]]:
    """Base URL and token of the hub to measure."""
    if hub_url is None:
        from ...local.hub_process import run_hub

        with run_hub(data, *(["--minio"] if minio else [])) as (base, _, token):
            yield base, token
        return
    from museui.hub.url import parse_hub_url
    from museui.settings.tokens import token_for

    base = parse_hub_url(hub_url)
    yield base, token_for(base, os.environ, warn, named=True)


def render_table(ways: Sequence[Way]) -> str:
    """Phases down, ways across: medians in seconds, and how many times as long as the first way each takes."""
    columns = [["", *GATES, "total", "times"]]
    for way in ways:
        phases = way.phases_s()
        cells = [f"{phases[name]:.3f}" if name in phases else "-" for name in GATES]
        columns.append([way.name, *cells, f"{way.total_s:.3f}", f"{way.total_s / ways[0].total_s:.1f}"])
    columns.append(["gate", *(f"{gate_s:g}" for gate_s in GATES.values()), f"{TOTAL_GATE_S:g}", ""])
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for row in zip(*columns, strict=True):
        first, *rest = [
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)
