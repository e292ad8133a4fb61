"""What a file that takes another's place takes over from it: mode, owner, group, access list, notes of a person.

A person gave a file its mode, and no snapshot records it.  What cannot be kept never widens who may read the file.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

_PERMISSIONS = 0o777
"""Neither set-uid nor set-gid: the new content is not what was given that power."""
_GROUP = 0o070
_ACCESS_LIST = "system.posix_acl_access"
_OF_PERSONS = "user."


def keep_attributes(former: int, descriptor: int) -> None:
    """Give the open file ``descriptor`` what ``former`` has. Raises :class:`OSError` for the mode alone."""
    status, own = os.fstat(former), os.fstat(descriptor)
    mode = stat.S_IMODE(status.st_mode) & _PERMISSIONS
    if not _keep_owner(descriptor, status, own):
        mode &= ~_GROUP
    os.fchmod(descriptor, mode)
    if hasattr(os, "listxattr"):  # Linux
        _keep_extended(former, descriptor, mode)


def _keep_owner(descriptor: int, status: os.stat_result, own: os.stat_result) -> bool:
    """Whether the group is that of the former file now."""
    if (status.st_uid, status.st_gid) == (own.st_uid, own.st_gid):
        return True
    for owner in (status.st_uid, -1):
        try:
            os.fchown(descriptor, owner, status.st_gid)
        except OSError:
            continue
        return True
    return False


def _keep_extended(former: int, descriptor: int, mode: int) -> None:
    try:
        names = os.listxattr(former)
    except OSError:
        return
    for name in names:
        if name.startswith(_OF_PERSONS):
            with suppress(OSError):
                os.setxattr(descriptor, name, os.getxattr(former, name))
    if _ACCESS_LIST not in names:
        return
    try:
        os.setxattr(descriptor, _ACCESS_LIST, os.getxattr(former, _ACCESS_LIST))
    except OSError:
        os.fchmod(descriptor, mode & ~_GROUP)  # with a list, the group's bits are a mask and not the group's
