"""``museui hub fsck``: whether everything that was acknowledged is there and whole, and what can be put back."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from museui.core.errors import Invalid

from .opened import with_hub
from .options import data_option, json_option, name_folder, print_json
from .store_options import store_options, take_store_options

if TYPE_CHECKING:
    from ..maintenance.findings import Part, Report
    from ..state import HubState

_SHOWN = 20


@click.command()
@data_option
@store_options
@click.option("--subset", metavar="N/T", help="Read the N-th of T parts of the objects; check all else whole.")
@click.option("--repair", is_flag=True, help="Put back what can be; ask the next push for what cannot.")
@json_option
def fsck(data_dir: Path, subset: str | None, repair: bool, as_json: bool, **options: Any) -> None:
    """Check every object against its id, every record against its own, and every reference against what it names.

    Without --repair nothing is changed but what 'museui hub stats' says of damage. That option puts back objects that
    are whole somewhere else in the store; the others it marks as missing, and the next push from a repository that has
    them brings them along. Works beside a running hub, which checks itself once in four weeks. Exits with 0 when all is
    well and with 1 when something is damaged.
    """
    from ..maintenance.check import check_hub
    from ..maintenance.findings import Report, forget_mended, write_findings
    from ..maintenance.repair import repair as repair_damage

    part = _parse_subset(subset)
    report = Report()
    done: dict[str, str] = {}

    async def work(hub: HubState) -> None:
        began = hub.now()
        async for _ in check_hub(hub, part, report):
            pass
        await write_findings(hub, report.findings.values())
        await forget_mended(hub, began, part)
        if repair and report.findings:
            done.update(await repair_damage(hub, report))

    with_hub(data_dir, take_store_options(options), work)
    if as_json:
        findings = [{**item.to_json(), "repaired": done.get(item.subject)} for item in report.findings.values()]
        document = {"ok": not findings, "findings": findings, "leftovers": report.leftovers, "checked": report.checked}
        print_json(document)
    else:
        _print(report, done)
    if report.findings:
        sys.exit(1)


def _parse_subset(text: str | None) -> Part:
    from ..maintenance.findings import Part

    if text is None:
        return Part()
    match = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text)
    if match is None:
        raise Invalid(f"not a part: {text!r:.40}", hint="Write 1/10 for the first of ten parts.")
    return Part(int(match[1]), int(match[2]))


def _print(report: Report, done: dict[str, str]) -> None:
    for finding in report.findings.values():
        click.echo(f"{finding.kind} {finding.subject}")
        click.echo(f"  {finding.where}: {finding.reason}")
        click.echo(f"  {done.get(finding.subject) or finding.advice}")
    for key in report.leftovers[:_SHOWN]:
        click.echo(name_folder(f"left over: {key}; 'museui hub gc' deletes it"), err=True)
    if len(report.leftovers) > _SHOWN:
        click.echo(f"left over: {len(report.leftovers) - _SHOWN} more", err=True)
    counts = ", ".join(f"{count} {kind}" for kind, count in report.checked.items())
    click.echo(f"checked: {counts or 'nothing'}; {len(report.findings) or 'nothing'} damaged", err=True)
