"""``museui push``: one branch, or all, to one hub; the five phases on the terminal or in one JSON document."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ...core.errors import EXIT_OK, Invalid, MuseError, Usage, error_from_code
from ...edge.output import json_option, print_error, print_json, quiet_option
from ...repo.refs import Branches
from ..branch_option import branch_option, pick_branch, require_head
from ..context import Context
from ..hub_target import HubTarget, open_target, remote_option
from ..progress import PushProgress, render_result
from ..push_by_daemon import push_through_daemon

if TYPE_CHECKING:
    from museui.core.ids import CommitId
    from museui.core.phases import PhaseEvent
    from museui.repo.repository import Repository
    from museui.sync.push_request import PushRequest

_FETCHED_LEASE = "\0"  # --force-with-lease without an id: the tracking ref


@dataclass(frozen=True, slots=True)
class Tagged:
    """The tags of a push: how many were new to the hub, ``None`` when it took none; why others were not sent."""

    new: int | None
    failures: tuple[MuseError, ...]


@click.command()
@click.argument("repo", required=False, type=click.Path())
@remote_option("Where to push")
@branch_option
@click.option("--all-branches", is_flag=True, help="Every branch, one after the other.")
@click.option(
    "--force-with-lease",
    metavar="ID",
    is_flag=False,
    flag_value=_FETCHED_LEASE,
    help="Replace the hub's branch, but only if it is at ID (default: where it was last seen).",
)
@click.option("--force", is_flag=True, help="Replace the hub's branch, wherever it is now.")
@click.option(
    "--delete",
    "deleted",
    metavar="BRANCH",
    multiple=True,
    help="Delete this branch on the hub instead; here it stays. As often as needed.",
)
@click.option("--tags", is_flag=True, help="Then send the tags of what was pushed.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@click.option(
    "--strategy", type=click.Choice(("auto", "bundle", "stream", "objects")), default="auto", show_default=True
)
@click.option("--no-daemon", is_flag=True, help="Push from this process.")
@json_option
@quiet_option
@click.pass_obj
def command(
    context: Context,
    repo: str | None,
    remote: str | None,
    branch: str | None,
    all_branches: bool,
    force_with_lease: str | None,
    force: bool,
    deleted: tuple[str, ...],
    tags: bool,
    dry_run: bool,
    strategy: Any,
    no_daemon: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Send commits to the hub: verified there before the branch moves.

    An interrupted push goes on where it was when it is run again.
    """
    if all_branches and branch:
        raise click.UsageError("--branch and --all-branches exclude each other")
    if force and force_with_lease:
        raise click.UsageError("--force and --force-with-lease exclude each other")
    if deleted and (branch or all_branches or tags or dry_run):
        raise click.UsageError("--delete goes without --branch, --all-branches, --tags and --dry-run")
    if tags and dry_run:
        raise click.UsageError("--tags and --dry-run exclude each other")
    if (all_branches or len(deleted) > 1) and force_with_lease not in (None, _FETCHED_LEASE):
        raise Usage("one lease cannot be for all branches", hint="Leave out the id, or push one branch.")
    try:
        target = open_target(context.path(repo), remote)
        repository = target.repository
        if deleted:
            from ..delete_branches import delete_branches

            return delete_branches(
                target,
                deleted,
                lambda name: _lease(target, name, force_with_lease),
                force=force,
                as_json=as_json,
                quiet=quiet,
            )
        heads = _all_heads(repository) if all_branches else _one_head(repository, branch)
        if not heads and not heads.faults:
            hint = "Take one with `museui snapshot -m …`."
            raise Usage("there is nothing to push: no branch has a commit", hint=hint)

        with PushProgress(quiet=quiet or as_json) as progress:
            documents: list[dict[str, Any]] = []
            tagged: Tagged | None = None
            if heads and not (no_daemon or force or force_with_lease or tags or dry_run) and strategy == "auto":
                documents = push_through_daemon(repository.root, remote, list(heads), target.token, progress.show)
            if not documents:
                from museui.sync.push_request import PushRequest

                from ...edge.run_async import run_async

                requests = [
                    PushRequest(
                        branch=name,
                        head=head,
                        remote=target.remote,
                        force=force or force_with_lease is not None,
                        lease=_lease(target, name, force_with_lease),
                        strategy=strategy,
                        dry_run=dry_run,
                    )
                    for name, head in heads.items()
                ]
                documents, tagged = run_async(_push_all(target, requests, tags, progress.show))
            documents += [_unpushable(fault) for fault in heads.faults]
    except MuseError as exc:
        if not as_json:
            raise
        print_json({"ok": False, "error": exc.to_json(), "phases": []})
        return exc.exit_code
    return _report(documents, tagged, many=all_branches, as_json=as_json, quiet=quiet)


async def _push_all(
    target: HubTarget, requests: list[PushRequest], tags: bool, listener: Callable[[PhaseEvent], None]
) -> tuple[list[dict[str, Any]], Tagged | None]:
    """The document of each push; with ``tags``, if all went well, what became of them."""
    from museui.hub.client import HubClient
    from museui.sync.kept_bundles import kept_bundles_folder
    from museui.sync.push import Push
    from museui.sync.push_outcome import push_document
    from museui.sync.push_request import Environment
    from museui.sync.up_to_date import find_up_to_date

    from ...edge.run_async import with_line

    environment = Environment(kept_bundles=kept_bundles_folder())
    documents = []

    async def push_with(client: HubClient) -> Tagged | None:
        done: set[str] = set()
        if len(requests) > 1:
            heads = {request.branch: request.head for request in requests}
            done = await find_up_to_date(target.repository, client, target.remote, heads)
        for request in requests:
            push = Push(target.repository, client, request, environment, listener)
            error: MuseError | None = None
            try:
                if request.branch in done:
                    push.result.up_to_date, push.result.previous_head = True, request.head
                else:
                    await push.run()
            except MuseError as exc:
                error = exc
            documents.append(push_document(push.result, error))
        if not tags or not all(document["ok"] for document in documents):
            return None
        from museui.sync.tags import push_tags

        try:
            return Tagged(*await push_tags(target.repository, client, {item.head for item in requests}, environment))
        except MuseError as exc:
            return Tagged(None, (exc,))

    return documents, await with_line(HubClient(target.url, target.token, trust=target.trust), push_with)


def _all_heads(repository: Repository) -> Branches:
    """Return every branch, the present one first: the hub takes the first that it sees for its default branch."""
    heads = repository.branches()
    with suppress(MuseError):
        current = repository.current_branch()
        if current and current in heads:
            return Branches({current: heads[current], **heads}, heads.faults)
    return heads


def _one_head(repository: Repository, branch: str | None) -> Branches:
    name = pick_branch(repository, branch)
    return Branches({name: require_head(repository, name)})


def _unpushable(fault: MuseError) -> dict[str, Any]:
    """Return the document of a branch that cannot be read or named, as of a push that failed."""
    return {"ok": False, "branch": fault.details.get("branch"), "error": fault.to_json(), "phases": []}


def _lease(target: HubTarget, branch: str, option: str | None) -> CommitId | None:
    from museui.core.ids import CommitId, parse_id

    if option is None:
        return None
    if option != _FETCHED_LEASE:
        try:
            return CommitId(parse_id(option, "--force-with-lease"))
        except Invalid as exc:
            raise Usage(exc.message, hint=exc.hint) from exc
    seen = target.repository.read_tracking(target.remote, branch) if target.remote else None
    if seen is None:
        raise Usage(
            f"nothing is known of {branch!r} on the hub to base a lease on",
            hint="Run `museui fetch` and look, or name the commit: --force-with-lease=ID.",
        )
    return seen


def _report(documents: list[dict[str, Any]], tagged: Tagged | None, *, many: bool, as_json: bool, quiet: bool) -> int:
    errors = [_error(document) for document in documents]
    failures = tagged.failures if tagged else ()
    if as_json:
        document = {"ok": not any(errors), "pushes": documents} if many else documents[0]
        if failures:
            document = {**document, "ok": False, "error": failures[0].to_json()}
            document["tag_errors"] = [failure.to_json() for failure in failures]
        print_json({**document, "tags": tagged.new} if tagged and tagged.new is not None else document)
    else:
        for document, error in zip(documents, errors, strict=True):
            if error:
                if many:
                    error.message = f"{document['branch'] or 'refs/heads'}: {error.message}"
                print_error(error, False)
            elif not quiet:
                click.echo(render_result(document))
        for failure in failures:
            failure.message = f"tags: {failure.message}"
            print_error(failure, False)
        if tagged and tagged.new is not None and not quiet:
            click.echo(f"tags: {tagged.new} new")
    return next((error.exit_code for error in (*errors, *failures) if error), EXIT_OK)


def _error(document: dict[str, Any]) -> MuseError | None:
    if document["ok"]:
        return None
    error = document["error"]
    return error_from_code(error["code"], error["message"], error["hint"], error["details"])
