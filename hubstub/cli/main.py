"""The verbs of ``museui hub``, and how their failures become words and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from museui.core.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_USAGE,
    Internal,
    Interrupted,
    MuseError,
    Usage,
)
from museui.core.system import error_from_system

from .adopt import adopt
from .audit import audit
from .collaborators import collaborator
from .fsck import fsck
from .gc import gc
from .keys import key
from .minio_setup import minio_setup
from .options import print_error
from .quota import repository_quota, user_quota
from .repositories import repo
from .rules import protect, signing_policy, unprotect
from .serve import init, serve
from .stats import stats
from .tokens import token
from .users import user


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def hub() -> None:
    """Run and administer a hub.

    'serve' alone is enough to start. The other commands work on the hub's folder, whether it runs or not.
    """


for _verb in (serve, init, user, token, repo, key, gc, fsck, adopt, stats, minio_setup):
    hub.add_command(_verb)
user.add_command(user_quota)
for _verb in (repository_quota, collaborator, protect, unprotect, signing_policy, audit):
    repo.add_command(_verb)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; whatever went wrong has been said."""
    os.umask(0o077)
    as_json = "--json" in arguments
    try:
        hub.main(list(arguments), prog_name="museui hub", standalone_mode=False)
        sys.stdout.flush()
    except MuseError as error:
        print_error(error, as_json)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.format_message(), err=True)
        return EXIT_USAGE
    except click.ClickException as exc:
        print_error(Usage(exc.format_message(), hint="'--help' shows how."), as_json)
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        print_error(Interrupted("interrupted"), as_json)
        return EXIT_INTERRUPTED
    except Exception as exc:
        if os.environ.get("MUSEUI_DEBUG"):
            raise
        if isinstance(exc, OSError) and (refusal := error_from_system(exc)):
            print_error(refusal, as_json)
            return refusal.exit_code
        what = f"this should not have happened: {type(exc).__name__}: {exc}"[:500]
        print_error(Internal(what, hint="MUSEUI_DEBUG=1 shows where; please report it."), as_json)
        return EXIT_FAILED
    return EXIT_OK
