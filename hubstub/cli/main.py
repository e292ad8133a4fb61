"""The program ``museui hub``: its options and its verbs."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from museui.edge.run import find_folder, folder_option, run_command_line
from museui.edge.verbs import Group, help_command

from .adopt import adopt
from .audit import audit
from .collaborators import collaborator
from .fsck import fsck
from .gc import gc
from .keys import key
from .minio_setup import minio_setup
from .options import name_folder
from .quota import repository_quota, user_quota
from .repositories import repo
from .rules import protect, signing_policy, unprotect
from .serve import init, serve
from .stats import stats
from .tokens import token
from .users import user


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@folder_option
def hub(folders: tuple[str, ...]) -> None:
    """Run and administer a hub.

    'serve' alone is enough to start. The other commands work on the hub's folder, whether it runs or not.
    """
    if folders:
        os.chdir(find_folder(folders))


for _verb in (serve, init, user, token, repo, key, gc, fsck, adopt, stats, minio_setup, help_command):
    hub.add_command(_verb)
user.add_command(user_quota)
for _verb in (repository_quota, collaborator, protect, unprotect, signing_policy, audit):
    repo.add_command(_verb)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors have been printed."""
    os.umask(0o077)
    return run_command_line(hub, "museui hub", arguments, complete_hint=name_folder)
