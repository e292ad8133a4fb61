"""``museui hub gc``: what nobody needs any more, said and, when asked to, deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from museui.core.errors import Usage

from .opened import with_hub
from .options import data_option, json_option, parse_duration, print_json, print_rows
from .store_options import store_options, take_store_options

if TYPE_CHECKING:
    from ..maintenance.tally import Count, Tally
    from ..state import HubState


@click.command()
@data_option
@store_options
@click.option("--apply", is_flag=True, help="Delete it. Without this nothing is changed.")
@click.option("--grace", default="14d", show_default=True, metavar="TIME", help="How long it must have been garbage.")
@click.option("--force", is_flag=True, help="Allow '--grace 0': what was replaced a moment ago goes as well.")
@json_option
def gc(data_dir: Path, apply: bool, grace: str, force: bool, as_json: bool, **options: Any) -> None:
    """Find what nobody needs, and how much it is; with --apply delete it.

    That is: commits that no branch, tag or release reaches (forced pushes leave them) and what only they need; objects
    of deleted repositories; uploads and sessions that are over; files in the store that nothing names. What becomes
    garbage is first marked, and goes when it has been garbage for the grace period: until then it can be fetched by its
    id, and a push of it brings it back. Works beside a running hub, which does the same by itself once a day.
    """
    from ..maintenance.collect import collect_garbage
    from ..maintenance.tally import GcOptions, Tally

    chosen = GcOptions(apply, _parse_grace(grace, force))
    tally = Tally()

    async def work(hub: HubState) -> None:
        async for _ in collect_garbage(hub, chosen, tally):
            pass

    with_hub(data_dir, take_store_options(options), work)
    if as_json:
        print_json({"ok": True, "applied": apply, "grace_seconds": chosen.grace_s, **tally.to_json()})
    else:
        _print(tally, apply)


def _parse_grace(text: str, force: bool) -> float:
    if text != "0":
        return float(parse_duration(text))
    if not force:
        raise Usage(
            "without any grace, what a forced push replaced a moment ago is lost for good",
            hint="Write --grace 1d, or --grace 0 --force when that is what you want.",
        )
    return 0.0


def _print(tally: Tally, applied: bool) -> None:
    heading = "deleted" if applied else "to delete"
    kinds = [*dict.fromkeys((*tally.taken, *tally.waiting))]
    if kinds:
        rows: list[tuple[str, ...]] = [("", heading, "in grace")]
        rows += [(kind, _render(tally.taken.get(kind)), _render(tally.waiting.get(kind))) for kind in kinds]
        print_rows(rows)
    else:
        click.echo("there is no garbage")
    for line in tally.skipped:
        click.echo(f"left alone: {line}", err=True)
    if tally.taken and not applied:
        click.echo("nothing was changed; --apply deletes it", err=True)


def _render(count: Count | None) -> str:
    from museui.core.figures import render_bytes

    if count is None:
        return "-"
    return f"{count.count} ({render_bytes(count.size_bytes)})" if count.size_bytes else str(count.count)
