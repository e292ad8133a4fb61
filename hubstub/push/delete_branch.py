"""A branch is deleted: by whoever may write, under the same lock and the same rules as a push that replaces it."""

from __future__ import annotations

import logging

from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.ids import CommitId

from ..log import log_facts
from ..people.access import check_access
from ..people.audit import record_move
from ..people.repositories import RepositoryRow, hold_repository
from ..people.tokens import Caller, require_live_token
from .advance import remove_branch
from .desk import PushParts
from .policy import read_rules

_log = logging.getLogger("hubstub.push")


async def delete_branch(
    hub: PushParts, repository: RepositoryRow, caller: Caller, branch: str, expected: CommitId | None
) -> CommitId:
    """Delete ``branch``, if it is at ``expected`` (None: wherever it is); where it was.

    Its commits stay until a collection finds that nothing leads to them.
    Raises as :func:`~hubstub.push.advance.remove_branch` does, and what a push of the caller would be refused with.
    """

    async def work(connection: AsyncConnection) -> CommitId:
        now = hub.now()
        await hold_repository(connection, repository.id)
        rules = await read_rules(connection, repository.id, caller.user_id, branch)
        await require_live_token(connection, caller.token_id, now)
        check_access(repository, rules.access, "write")
        head = await remove_branch(connection, repository.id, branch, rules, expected)
        await record_move(connection, repository, caller, branch, head, None, forced=True, push_id=None, now=now)
        return head

    head = await hub.database.change(work)
    log_facts(
        _log, "branch deleted", repository=repository.name, user=caller.name, branch=ascii(branch), head=head[:12]
    )
    return head
