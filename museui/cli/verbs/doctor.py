"""``museui doctor``: what keeps commits from being safe, each finding with its fix, whether a daemon runs or not."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.cells import cell_width, pad
from ...core.errors import EXIT_FAILED, EXIT_OK, MuseError, Unreachable, Usage
from ...core.figures import render_count
from ...edge.output import json_option, print_json, printable, quiet_option, talk
from ...edge.run_async import run_async
from ..context import Context

if TYPE_CHECKING:
    from museui.hub.url import RepositoryUrl
    from museui.local.messages import Check

_AT_ONCE = 8
"""Maximum number of repositories that hubs are asked for at a time."""
_MOST_SHOWN = 5
"""Maximum number of lines about things of one kind that are well; more become one line."""
_FOLDED = {"repository": "repositories", "branches": "remotes of repositories", "hub": "hubs", "token": "tokens"}
"""Kinds of checks of which there may be many, and the plural of each."""
_ALL_WELL = "nothing is wrong; --verbose shows each"


@click.command()
@click.argument("repo", required=False, type=click.Path())
@click.option("--verbose", "-v", is_flag=True, help="Show every check, also of many things that are well.")
@json_option
@quiet_option
@click.pass_obj
def command(context: Context, repo: str | None, verbose: bool, as_json: bool, quiet: bool) -> int:
    """Look for what keeps commits from being safe: this machine, the daemon, and every hub that is pushed to.

    Hubs are those of the watched repositories and of REPO (default: the one here, if there is one). What is wrong
    comes first, with what to do about it; --quiet leaves out what is well. Many things of one kind that are well
    become one line. The exit code is 1 when something is wrong.
    """
    from museui.local.messages import encode

    folder = context.path(repo) if repo else context.cwd
    urls, remote_checks = _urls_of(folder, named=repo is not None)
    folders = [folder]
    daemon_checks = _ask_daemon()
    checks = daemon_checks if daemon_checks is not None else _examine_without_daemon(urls, folders)
    checks = [*checks, *_examine_work_tree(folder)]
    checks += [check for check in remote_checks if check not in checks]
    names = {check.name for check in checks}
    checks += [check for check in _check_repository(folder) if check.name not in names]
    names = {check.name for check in checks}
    rest = {base: url for base, url in urls.items() if f"hub {base}" not in names}
    checks = [*checks, *run_async(_examine_hubs(rest))]
    checks = [*checks, *run_async(_examine_branches(folders, checks))]
    wrong = [check for check in checks if not check.ok]
    if as_json:
        running = daemon_checks is not None
        print_json({"ok": not wrong, "daemon": running, "checks": [encode(check) for check in checks]})
    else:
        shown = wrong if quiet else sorted(checks if verbose else _fold(checks), key=lambda check: check.ok)
        click.echo(_render(shown), nl=bool(wrong or not quiet))
        counts = f"{len(wrong)} of {render_count(len(checks), 'check')}"
        talk(f"{counts} found something wrong" if wrong else f"{len(checks)} checks, all is well", quiet=quiet)
    return EXIT_FAILED if wrong else EXIT_OK


def _urls_of(folder: Path, named: bool) -> tuple[dict[str, RepositoryUrl], list[Check]]:
    """The repository's remotes by their hubs, and what is wrong with others.

    None when there is no repository and none was ``named``; else that is raised.
    """
    from museui.hub.url import parse_repository_url
    from museui.local.messages import Check
    from museui.repo.repository import Repository

    try:
        repository = Repository.open(folder)
        remotes = repository.remotes().values()
    except MuseError:
        if named:
            raise
        return {}, []
    urls, checks = {}, []
    for remote in remotes:
        try:
            url = parse_repository_url(remote.url)
        except Usage as exc:
            checks.append(Check(f"remote {remote.name} of {repository.root}", False, exc.message, exc.hint))
        else:
            urls[url.base] = url
    return urls, checks


def _examine_work_tree(folder: Path) -> list[Check]:
    """Return what cannot be recorded of the work tree that ``folder`` is in."""
    from museui.local.messages import Check
    from museui.repo.repository import Repository

    from ..work_tree_report import look_at_work_tree

    try:
        repository = Repository.open(folder)
    except MuseError:
        return []
    reasons = look_at_work_tree(repository).reasons
    return [Check(f"work tree {repository.root}", False, reason.message, reason.hint) for reason in reasons]


def _ask_daemon() -> list[Check] | None:
    """What the daemon finds; ``None`` when none runs, one finding when it cannot be asked."""
    from museui.local.client import LocalClient, NoDaemon
    from museui.local.messages import Check, decode
    from museui.local.version import program_version

    client = LocalClient(timeout_s=120.0)
    try:
        running, ours = client.get("version")["version"], program_version()
        checks = [decode(Check, check) for check in client.get("doctor")["checks"]]
    except NoDaemon:
        return None
    except Unreachable as exc:
        return [Check("daemon", False, exc.message, exc.hint)]
    if running != ours:
        message = f"the daemon that runs is of version {running}, the command line of {ours}"
        checks.insert(0, Check("version", False, message, "Start it anew: museui daemon restart"))
    return checks


def _examine_without_daemon(urls: dict[str, RepositoryUrl], folders: list[Path]) -> list[Check]:
    """This machine and what ``config.toml`` says is watched; that is added to ``folders``, its hubs to ``urls``."""
    from museui.doctor.machine import check_watch_limit, examine_machine
    from museui.local.client import START_HINT
    from museui.local.messages import Check
    from museui.local.places import find_places
    from museui.settings.config import ConfigFile
    from museui.sync.kept_bundles import kept_bundles_folder

    places = find_places()
    checks = examine_machine(places, kept_bundles_folder())
    try:
        watched = list(ConfigFile(places.config).read().repositories)
    except (MuseError, OSError):
        watched = []
    if watched:
        many = render_count(len(watched), "repository", "repositories")
        checks.insert(0, Check("daemon", False, f"does not run, and is to watch {many}", START_HINT))
    else:
        checks.insert(0, Check("daemon", True, f"does not run, and has nothing to watch. {START_HINT}"))
    checks.append(check_watch_limit(len(watched)))
    for path in watched:
        try:
            found, remote_checks = _urls_of(Path(path), named=True)
        except MuseError as exc:
            checks.append(Check(f"repository {path}", False, exc.message, exc.hint))
            continue
        checks += remote_checks
        checks += _check_repository(Path(path)) or [Check(f"repository {path}", True, "is there")]
        urls.update({base: url for base, url in found.items() if base not in urls})
        folders.append(Path(path))
    return checks


def _check_repository(folder: Path) -> list[Check]:
    """Return what keeps the repository at ``folder`` from being safe; nothing when there is none."""
    from museui.local.messages import Check
    from museui.repo.reasons import find_reasons
    from museui.repo.repository import Repository

    try:
        repository = Repository.open(folder)
    except MuseError:
        return []
    name = f"repository {repository.root}"
    return [Check(name, False, reason.message, reason.hint) for reason in find_reasons(repository)]


async def _examine_hubs(urls: dict[str, RepositoryUrl]) -> list[Check]:
    from museui.doctor.hub import examine_hub
    from museui.local.messages import Check
    from museui.settings.hubs import find_trust
    from museui.settings.tokens import token_for

    async def examine(base: str, url: RepositoryUrl) -> list[Check]:
        try:
            token, trust = token_for(base, os.environ), find_trust(base, os.environ)
        except MuseError as exc:
            return [Check(f"hub {base}", False, exc.message, exc.hint)]
        return await examine_hub(base, token, trust, url)

    found = await asyncio.gather(*(examine(base, url) for base, url in urls.items()))
    return [check for checks in found for check in checks]


async def _examine_branches(folders: list[Path], known: list[Check]) -> list[Check]:
    """Return where the branches of these repositories are on the hubs that answer, but for what is ``known``."""
    from museui.doctor.branches import examine_branches
    from museui.hub.url import parse_repository_url
    from museui.local.messages import Check
    from museui.repo.config import Remote
    from museui.repo.repository import Repository
    from museui.settings.hubs import find_trust
    from museui.settings.tokens import token_for

    limit = asyncio.Semaphore(_AT_ONCE)
    names = {check.name for check in known}
    wrong = {check.name for check in known if not check.ok}

    async def examine(repository: Repository, remote: Remote) -> Check | None:
        base = parse_repository_url(remote.url).base
        if {f"hub {base}", f"token {base}"} & wrong:
            return None
        async with limit:
            token, trust = token_for(base, os.environ), find_trust(base, os.environ)
            return await examine_branches(repository, remote, token, trust)

    wanted: dict[str, tuple[Repository, Remote]] = {}
    for folder in folders:
        with suppress(MuseError):  # what is wrong with it has been said
            repository = Repository.open(folder)
            remotes = repository.remotes().values() if repository.branches() else ()
            wanted |= {f"branches {repository.root} → {remote.name}": (repository, remote) for remote in remotes}
    found = await asyncio.gather(
        *(examine(*pair) for name, pair in wanted.items() if name not in names), return_exceptions=True
    )
    return [check for check in found if isinstance(check, Check)]


def _fold(checks: list[Check]) -> list[Check]:
    """Return ``checks`` with one in the place of many of a kind that found nothing wrong."""
    well = Counter(_kind(check) for check in checks if check.ok)
    folded = {kind: noun for kind, noun in _FOLDED.items() if well[kind] > _MOST_SHOWN}
    kept: list[Check] = []
    for check in checks:
        kind = _kind(check)
        if not check.ok or kind not in folded:
            kept.append(check)
        elif noun := folded.get(kind):
            kept.append(replace(check, name=f"{well[kind]:,} {noun}", message=_ALL_WELL))
            folded[kind] = ""
    return kept


def _kind(check: Check) -> str:
    return check.name.partition(" ")[0]


def _render(checks: list[Check]) -> str:
    lines = []
    width = max((cell_width(printable(check.name)) for check in checks if check.ok), default=0)
    for check in checks:
        if check.ok:
            lines.append(f"✓ {pad(printable(check.name), width)}  {printable(check.message)}")
            continue
        lines += [f"✗ {printable(check.name)}", f"  {printable(check.message)}"]
        if check.hint:
            lines.append(f"  do: {printable(check.hint)}")
    return "\n".join(lines)
