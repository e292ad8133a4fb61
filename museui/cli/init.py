"""``museui init``: a repository from nothing."""

from __future__ import annotations

import click

from ..core.errors import Invalid, Usage
from ..core.names import check_branch, check_name
from ..repo.repository import Repository, is_repository
from .output import Context, json_option, print_json, quiet_option, talk


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path())
@click.option("--domain", metavar="D", default="code", show_default=True, help="What the repository holds.")
@click.option("--branch", metavar="NAME", default="main", show_default=True, help="The first branch.")
@click.option("--bare", is_flag=True, help="Without a work tree.")
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, folder: str, domain: str, branch: str, bare: bool, as_json: bool, quiet: bool) -> None:
    """Make a new, empty repository in DIR (default: here).

    A repository that is there already stays as it is.
    """
    try:
        check_name(domain, "domain")
        check_branch(branch)
    except Invalid as exc:
        raise Usage(exc.message, hint=exc.hint) from exc
    path = context.path(folder)
    created = not is_repository(path / ".muse")
    repository = Repository.init(path, domain, branch, bare=bare) if created else Repository.open(path)
    if as_json:
        print_json(_document(repository, created))
    else:
        done = "made a repository in" if created else "there is a repository already in"
        talk(f"{done} {repository.root}", quiet=quiet)


def _document(repository: Repository, created: bool) -> dict[str, object]:
    return {
        "ok": True,
        "created": created,
        "repo": str(repository.root),
        "repo_id": repository.repo_id,
        "domain": repository.domain,
        "branch": repository.current_branch(),
        "bare": repository.bare,
    }
