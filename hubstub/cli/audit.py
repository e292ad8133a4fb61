"""``museui hub repo audit``: which branch moved when, and by whom; also of repositories that are gone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import ask, data_option, json_option, print_json, print_rows, render_time

if TYPE_CHECKING:
    from ..people.audit import MoveRow


@click.command("audit")
@click.argument("name", metavar="OWNER/SLUG")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many moves.")
@click.option("--before", type=click.IntRange(1), metavar="ID", help="Only moves before the one with this id.")
@data_option
@json_option
def audit(name: str, limit: int, before: int | None, data_dir: Path, as_json: bool) -> None:
    """Show the moves of all branches, newest first, of every repository that ever had this name."""
    from ..people.audit import list_moves, of_name

    found = ask(data_dir, lambda connection: list_moves(connection, of_name(name), before=before, limit=limit))
    if as_json:
        print_json({"moves": [asdict(item) for item in found]})
    elif found:
        head = ("ID", "TIME", "USER", "TOKEN", "BRANCH", "FROM", "TO", "", "REQUEST")
        print_rows([head, *(_cells(item) for item in found)])


def _cells(item: MoveRow) -> tuple[str, ...]:
    old, new = (_short(head) for head in (item.old_head, item.new_head))
    how = "deleted" if item.new_head is None else "forced" if item.forced else ""
    when = render_time(item.created_at)
    return (str(item.id), when, item.user, item.token_id or "-", item.branch, old, new, how, item.request_id)


def _short(head: str | None) -> str:
    return head.removeprefix("sha256:")[:12] if head else "-"
