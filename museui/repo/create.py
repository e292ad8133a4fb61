"""A new repository: all of ``.muse`` appears at once, or none of it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.errors import Usage
from ..core.failpoints import failpoint
from ..core.names import check_branch
from .atomic import make_folder, sync_folder, write_file
from .config import NEW_BARE, NEW_CONFIG
from .files import disk_error
from .records import encode_record
from .temporary import new_name, sweep_path

SCHEMA_VERSION = "0.1.5"
"""The version of the Muse client whose layout this is."""

_FOLDERS = ("commits", "snapshots", "objects", "refs/heads")


@dataclass(frozen=True, slots=True)
class NewRepository:
    """What ``repo.json``, ``HEAD`` and ``config.toml`` of a new repository say."""

    domain: str
    branch: str
    created_at: str
    bare: bool = False
    repo_id: str | None = None
    """The id of the repository it is a copy of; a fresh one when ``None``."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Files of ``.muse`` that are there from the first moment on, by their names."""
    user_name: str = ""
    """Author of commits; empty: each commit looks for one."""


def create_repository(root: str, new: NewRepository) -> None:
    """Make ``root/.muse``. Raises :class:`Usage` when there is a repository already; then nothing has changed."""
    import shutil
    import uuid

    check_branch(new.branch)
    final = f"{root}/.muse"
    temporary = f"{root}/{new_name()}"
    if os.path.lexists(final):
        raise _taken(root)
    try:
        make_folder(root)
        sweep_path(root)
        for folder in _FOLDERS:
            os.makedirs(f"{temporary}/{folder}")
        record = {
            "repo_id": new.repo_id or str(uuid.uuid4()),
            "schema_version": SCHEMA_VERSION,
            "created_at": new.created_at,
            "domain": new.domain,
        }
        write_file(f"{temporary}/repo.json", encode_record(record))
        config = NEW_CONFIG.format(name=json.dumps(new.user_name, ensure_ascii=False))  # a TOML text is quoted so, too
        write_file(f"{temporary}/config.toml", (config + (NEW_BARE if new.bare else "")).encode())
        write_file(f"{temporary}/HEAD", f"ref: refs/heads/{new.branch}\n".encode())
        write_file(f"{temporary}/refs/heads/{new.branch}", b"")
        for name, content in new.files.items():
            write_file(f"{temporary}/{name}", content)
        sync_folder(f"{temporary}/refs")
        failpoint("create.before_rename")
        os.rename(temporary, final)
        sync_folder(root)
    except OSError as exc:
        if os.path.lexists(final):
            raise _taken(root) from exc
        raise disk_error(exc, f"cannot make a repository in {root}") from exc
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary)


def _taken(root: str) -> Usage:
    return Usage(
        f"there is a .muse in {root} already",
        hint="Where it is no repository, as in a home folder, which has your tokens there, choose another folder.",
    )
