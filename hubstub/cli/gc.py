"""``museui hub gc``: what nobody needs any more, said and, when asked to, deleted."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from museui.core.errors import Usage

from .opened import with_hub
from .options import data_option, json_option, parse_duration, print_json, print_rows
from .store_options import store_options, take_store_options

if TYPE_CHECKING:
    from ..maintenance.share import Objection
    from ..maintenance.tally import Count, Tally
    from ..state import HubState


@click.command()
@data_option
@store_options
@click.option("--apply", is_flag=True, help="Delete it. Without this nothing is changed.")
@click.option("--grace", default="14d", show_default=True, metavar="TIME", help="How long it must have been garbage.")
@click.option("--force", is_flag=True, help="Allow '--grace 0': what was replaced a moment ago goes as well.")
@click.option("--large", is_flag=True, help="Allow to take more than a tenth of what nobody has let go of.")
@json_option
def gc(data_dir: Path, apply: bool, grace: str, force: bool, large: bool, as_json: bool, **options: Any) -> None:
    """Find what nobody needs, and how much it is; with --apply delete it.

    That is: commits that no branch, tag or release reaches (forced pushes leave them) and what only they need; objects
    of deleted repositories; uploads and sessions that are over; files in the store that nothing names. What becomes
    garbage is first marked, and goes when it has been garbage for the grace period: until then it can be fetched by its
    id, and a push of it brings it back. Works beside a running hub, which does the same by itself once a day.

    More than a tenth of the objects, commits or files goes only with --large, unless people have let go of it by
    deleting a repository or forcing a branch: what is garbage because something is absent may not be garbage at all.
    """
    from ..maintenance.collect import collect_garbage
    from ..maintenance.share import find_objection, settle
    from ..maintenance.tally import GcOptions, Tally

    chosen = GcOptions(apply, _parse_grace(grace, force))
    looked, tally = Tally(), Tally()

    async def work(hub: HubState) -> Objection | None:
        async for _ in collect_garbage(hub, replace(chosen, apply=False), looked):
            pass
        objection = await find_objection(hub, looked)
        if objection is not None and large and not objection.is_final:
            objection = None
        if apply:
            wanted = replace(chosen, grace_s=math.inf) if objection else chosen  # marks, so that their grace begins
            async for _ in collect_garbage(hub, wanted, tally):
                pass
            await settle(hub, tally)
        return objection

    objection = with_hub(data_dir, take_store_options(options), work)
    if objection is not None and apply:
        raise Usage(f"nothing was deleted: {objection.reason}", hint=objection.advice)
    shown = tally if apply else looked
    if as_json:
        print_json({"applied": apply, "grace_seconds": chosen.grace_s, **shown.to_json()})
    else:
        _print(shown, apply)
    if objection is not None:
        click.echo(f"--apply alone would delete nothing: {objection.reason}\nhint: {objection.advice}", err=True)


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
