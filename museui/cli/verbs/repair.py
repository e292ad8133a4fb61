"""``museui repair``: what is damaged is healed, from the work tree, from what remembers heads, and from the hub."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import click

from ...core.errors import EXIT_FAILED, EXIT_OK, Invalid, MuseError, Usage
from ...core.ids import CommitId, ObjectId, parse_id
from ...core.names import check_branch
from ...edge.output import json_option, print_json, printable, quiet_option, talk
from ...edge.run_async import run_async, with_line
from ...repo.check import Fault, check_repository
from ...repo.heal import (
    drop_damaged_tracking,
    find_ways_back,
    heal_branches,
    heal_head,
    heal_objects,
    heal_snapshot,
    set_aside,
    set_branch,
    set_head,
)
from ...repo.moving import finish_move
from ...repo.reasons import find_reasons
from ...repo.repository import Repository
from ..completers import complete_branch
from ..context import Context
from ..hub_target import open_target
from ..progress import FetchProgress

_FROM_HUB = frozenset({"commit", "snapshot", "object", "tag"})


@click.command()
@click.argument("repo", required=False, type=click.Path())
@click.option("--set", "settings", metavar="BRANCH=ID", multiple=True, help="Point a branch at a commit that is here.")
@click.option("--head", shell_complete=complete_branch, metavar="BRANCH", help="The branch that is checked out.")
@click.option("--no-hub", is_flag=True, help="Ask no hub.")
@json_option
@quiet_option
@click.pass_obj
def command(
    context: Context,
    repo: str | None,
    settings: tuple[str, ...],
    head: str | None,
    no_hub: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Heal what `museui verify` finds: branches and HEAD, records and objects, a pull that was cut off.

    Objects come from files of the work tree that have the same bytes, then everything from each remote, which is
    fetched again. What is damaged and no branch, tag or HEAD needs is renamed. No commit is lost, and no file of the
    work tree changes but for those of such a pull. The exit code is 1 when something stays damaged.
    """
    repository = Repository.open(context.path(repo))
    said = _Said()
    wanted = [_parse_setting(text) for text in settings]
    with repository.lock():
        said.extend(set_branch(repository, name, commit_id) for name, commit_id in wanted)
        if head:
            said.extend([set_head(repository, _check_name(head))])
        said.extend(heal_branches(repository), final=False)
        faults = check_repository(repository).faults
        objects = {ObjectId(fault.item) for fault in faults if fault.kind == "object"}
        healed = heal_objects(repository, objects)
        said.extend(f"object {item[:12]} was taken from the work tree" for item in sorted(healed))
        with suppress(MuseError):  # what keeps it from that is among the faults
            said.extend(heal_snapshot(repository))
        if not no_hub and any(fault.kind in _FROM_HUB and fault.item not in healed for fault in faults):
            _ask_hubs(repository, said, quiet or as_json)
        said.extend(drop_damaged_tracking(repository))
        said.extend(heal_branches(repository))
        said.extend(heal_head(repository))
        with suppress(MuseError):  # why it cannot be finished is one of the reasons
            if finished := finish_move(repository):
                said.lines.append(finished.describe())
        with suppress(MuseError):
            said.extend(find_ways_back(repository))
        faults = check_repository(repository).faults
        said.extend(set_aside(repository, faults))
        faults = [fault for fault in faults if fault.needed]
    reasons = {reason.message: reason for reason in [*find_reasons(repository), *said.errors]}
    if as_json:
        print_json(_document(repository, said, faults, list(reasons.values())))
    else:
        for line in said.lines:
            click.echo(printable(line))
        for fault in faults:
            click.echo(printable(f"{fault.kind}: {fault.message}"))
        for reason in reasons.values():
            click.echo(printable(f"✗ {reason.message}" + (f"\n  {reason.hint}" if reason.hint else "")))
        if not faults and not reasons:
            talk("all is well" if said.lines else "nothing is damaged", quiet=quiet)
    return EXIT_FAILED if faults or reasons else EXIT_OK


class _Said:
    """The result of a repair: what was done, and what could not be."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.errors: list[MuseError] = []

    def extend(self, items: Iterable[str | MuseError], *, final: bool = True) -> None:
        """Take over ``items``; errors only when nothing will be tried after them."""
        for item in items:
            if isinstance(item, str):
                self.lines.append(item)
            elif final:
                self.errors.append(item)


def _ask_hubs(repository: Repository, said: _Said, quiet: bool) -> None:
    """Fetch everything again from each remote; one that cannot be asked is named, and the next is asked."""
    try:
        remotes = list(repository.remotes())
    except MuseError as exc:
        said.errors.append(exc)
        return
    for remote in remotes:
        with FetchProgress(quiet=quiet) as progress:
            try:
                objects = _fetch_whole(repository, remote, progress)
            except MuseError as exc:
                exc.message = f"{remote}: {exc.message}"
                said.errors.append(exc)
                continue
        said.lines.append(f"all that {remote} has was fetched again: {objects} objects")


def _fetch_whole(repository: Repository, remote: str, progress: FetchProgress) -> int:
    from museui.hub.client import HubClient
    from museui.sync.fetch import fetch

    target = open_target(repository.root, remote)
    client = HubClient(target.url, target.token, trust=target.trust)
    result = run_async(with_line(client, lambda line: fetch(repository, line, remote, None, progress.show, whole=True)))
    return result.objects


def _parse_setting(text: str) -> tuple[str, CommitId]:
    name, _, spelling = text.rpartition("=")
    try:
        return check_branch(name), CommitId(parse_id(spelling, "ID"))
    except Invalid as exc:
        raise Usage(f"--set {text}: {exc.message}", hint="--set BRANCH=ID, the id with all its digits.") from exc


def _check_name(name: str) -> str:
    try:
        return check_branch(name)
    except Invalid as exc:
        raise Usage(exc.message, hint=exc.hint) from exc


def _document(repository: Repository, said: _Said, faults: list[Fault], reasons: list[MuseError]) -> dict[str, Any]:
    return {
        "ok": not faults and not reasons,
        "repo": str(repository.root),
        "healed": said.lines,
        "faults": [{"kind": item.kind, "item": item.item, "message": item.message} for item in faults],
        "reasons": [reason.to_json() for reason in reasons],
    }
