"""``museui remote``: the hubs a repository is pushed to, in ``config.toml``, shared with the Muse client."""

from __future__ import annotations

import click

from ...core.errors import Invalid, Usage
from ...core.names import check_branch, check_name
from ...edge.output import json_option, print_json, printable, quiet_option, talk
from ...hub.url import parse_repository_url
from ...repo.config import Remote
from ...repo.repository import Repository
from ...settings.tokens import note_named_hub
from ..completers import complete_remote
from ..context import Context


@click.group()
def command() -> None:
    """The hubs a repository is pushed to."""


@command.command()
@click.argument("name")
@click.argument("url")
@click.option("--branch", metavar="B", help="The upstream branch.")
@json_option
@quiet_option
@click.pass_obj
def add(context: Context, name: str, url: str, branch: str | None, as_json: bool, quiet: bool) -> None:
    """Add the remote NAME at URL, https://HOST/OWNER/REPOSITORY."""
    repository = Repository.open(context.cwd)
    try:
        check_name(name, "remote")
        if branch is not None:
            check_branch(branch)
    except Invalid as exc:
        raise Usage(exc.message, hint=exc.hint) from exc
    known = repository.remotes().get(name)
    if known:
        raise Usage(
            f"there is a remote {name!r} already: {known.url}", hint=f"Take it out first: museui remote remove {name}"
        )
    remote = Remote(name, str(parse_repository_url(url)), branch)
    repository.set_remote(remote)
    note_named_hub(parse_repository_url(url).base)
    if as_json:
        print_json({"ok": True, "remote": _document(remote)})
    else:
        talk(f"added {name}: {remote.url}", quiet=quiet)


@command.command()
@click.argument("name", shell_complete=complete_remote)
@json_option
@quiet_option
@click.pass_obj
def remove(context: Context, name: str, as_json: bool, quiet: bool) -> None:
    """Take out the remote NAME, and forget what is known of its branches."""
    Repository.open(context.cwd).remove_remote(name)
    if as_json:
        print_json({"ok": True, "removed": name})
    else:
        talk(f"removed {name}", quiet=quiet)


@command.command("list")
@json_option
@click.pass_obj
def list_remotes(context: Context, as_json: bool) -> None:
    """List the remotes: name, URL and upstream branch, separated by tabs."""
    remotes = Repository.open(context.cwd).remotes().values()
    if as_json:
        print_json({"ok": True, "remotes": [_document(remote) for remote in remotes]})
        return
    for remote in remotes:
        columns = (remote.name, remote.url, *([remote.branch] if remote.branch else []))
        click.echo("\t".join(printable(column) for column in columns))


def _document(remote: Remote) -> dict[str, str | None]:
    return {"name": remote.name, "url": remote.url, "branch": remote.branch}
