"""``museui hub stats``: what the hub holds, what it is at, and what is wrong."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from museui.core.figures import render_bytes

from .options import ask, data_option, json_option, name_folder, print_json, print_rows, render_time


@click.command()
@data_option
@json_option
def stats(data_dir: Path, as_json: bool) -> None:
    """Show what the hub holds, what it is at, and what is wrong.

    Logical bytes count an object in every repository that has it, stored bytes count it once.
    """
    from ..maintenance.figures import read_figures

    figures = ask(data_dir, lambda connection: read_figures(connection, time.time()))
    if as_json:
        print_json(figures)
        return
    print_rows(_rows(figures))
    if behind := figures["older_copy"]:
        click.echo(
            f"the database is an older copy than the one that filled the store: it has {behind['moves']} moves of "
            f"branches, the store knows of {behind['stored_moves']}; nothing is collected until "
            + name_folder("'museui hub adopt' has been run")
        )
    if (last := figures["last_gc"]) and last["result"] and last["result"].get("objection"):
        click.echo(f"the last collection took nothing: {last['result']['objection']}")
    for item in figures["damage"]["first"]:
        click.echo(f"damaged: {item['kind']} {item['subject']}: {item['reason']}")


def _rows(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    pending, staging = figures["pending_promotion"], figures["staging"]
    rows: list[tuple[str, ...]] = [(name, str(figures[name])) for name in ("users", "repositories", "commits")]
    rows += [
        ("objects", f"{figures['objects']}, {render_bytes(figures['stored_bytes'])}"),
        ("logical", render_bytes(figures["logical_bytes"])),
        ("records", render_bytes(figures["record_bytes"])),
        ("staging", f"{staging['uploads']} uploads, {render_bytes(staging['announced_bytes'])} announced"),
        ("promotion", f"{pending['bundles']} bundles, {render_bytes(pending['bytes'])} to go"),
        ("garbage", f"{figures['garbage']} marked"),
        ("unnamed", _render_unnamed(figures["unnamed_files"])),
        ("damage", str(figures["damage"]["count"] or "none known")),
        ("last gc", _render_last(figures["last_gc"])),
        ("last scrub", _render_last(figures["last_scrub"])),
    ]
    for job in figures["jobs"]:
        error = f": {job['error']}" if job["error"] else ""
        rows.append((f"jobs {job['kind']}", f"{job['count']} {job['state']}{error}"[:300]))
    return rows


def _render_unnamed(unnamed: dict[str, Any] | None) -> str:
    return f"{unnamed['count']} files, {render_bytes(unnamed['bytes'])}" if unnamed else "not counted yet"


def _render_last(last: dict[str, Any] | None) -> str:
    return render_time(last["ended_at"]) if last and last["result"] else "never"
