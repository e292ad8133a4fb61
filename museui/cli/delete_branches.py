"""``museui push --delete BRANCH``: branches are deleted on the hub, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..core.errors import EXIT_OK, MuseError
from ..edge.output import print_error, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from museui.core.ids import CommitId
    from museui.hub.client import HubClient

    from .hub_target import HubTarget


def delete_branches(
    target: HubTarget,
    names: tuple[str, ...],
    lease_of: Callable[[str], CommitId | None],
    *,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Delete the branches ``names`` of a hub; say of each what came of it; the exit code of the first failure.

    ``lease_of``: where a branch has to be, ``None``: where it is.
    """
    from museui.core.ids import qualified
    from museui.hub.client import HubClient
    from museui.sync.delete_branch import delete_branch

    from ..edge.run_async import run_async, with_line

    leases = {name: lease_of(name) for name in names}
    documents: list[dict[str, Any]] = []
    errors: list[MuseError] = []

    async def work(client: HubClient) -> None:
        for name, lease in leases.items():
            try:
                head = await delete_branch(target.repository, client, target.remote, name, lease=lease, force=force)
            except MuseError as exc:
                errors.append(exc)
                documents.append({"ok": False, "branch": name, "error": exc.to_json()})
                if not as_json:
                    exc.message = f"{name}: {exc.message}" if len(leases) > 1 else exc.message
                    print_error(exc, False)
            else:
                documents.append({"ok": True, "branch": name, "deleted": qualified(head)})
                if not (as_json or quiet):
                    click.echo(f"deleted {name} on {target.remote or target.url} (was {head[:12]})")

    run_async(with_line(HubClient(target.url, target.token, trust=target.trust), work))
    if as_json:
        print_json({"ok": not errors, "deleted": documents})
    return errors[0].exit_code if errors else EXIT_OK
