"""``museui verify``: every id, signature and object of a repository checked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ...core.errors import EXIT_FAILED, EXIT_OK
from ...core.figures import render_count
from ...edge.output import json_option, print_json, printable, quiet_option, talk
from ...repo.check import Report, check_repository
from ...repo.repository import Repository
from ..context import Context


@click.command()
@click.argument("repo", required=False, type=click.Path())
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, repo: str | None, as_json: bool, quiet: bool) -> int:
    """Check every branch, tag, commit, snapshot, object and signature.

    All faults are listed, one a line on stdout; the exit code is 1 when there is one.
    """
    repository = Repository.open(context.path(repo))
    report = check_repository(repository)
    if as_json:
        print_json(_document(repository, report))
    else:
        for fault in report.faults:
            click.echo(f"{fault.kind}: {printable(fault.message)}")
        talk(_render(report), quiet=quiet)
    return EXIT_FAILED if report.faults else EXIT_OK


def _document(repository: Repository, report: Report) -> dict[str, Any]:
    document = asdict(report)
    faults = document.pop("faults")
    return {"ok": not faults, "repo": str(repository.root), "checked": document, "faults": faults}


def _render(report: Report) -> str:
    signatures = ", ".join(f"{count} {state}" for state, count in report.signatures.items() if count)
    counts = [render_count(report.refs, "branch", "branches")]
    counts += [render_count(getattr(report, f"{noun}s"), noun) for noun in ("tag", "commit", "snapshot", "object")]
    checked = f"{', '.join(counts)} ({report.object_bytes:,} bytes)"
    verdict = render_count(len(report.faults), "fault") if report.faults else "all good"
    return f"{verdict}: checked {checked}" + (f"; signatures: {signatures}" if signatures else "")
