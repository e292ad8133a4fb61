"""Running one command line: every failure becomes words, or a JSON document, and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ..core.early import wants_json
from ..core.errors import EXIT_OK, EXIT_USAGE, Internal, Interrupted, MuseError, Usage
from ..core.system import error_from_system
from .output import print_error, talk

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN_CHARS = 500
"""Maximum length in characters of the text of an unexpected exception."""


def folder_option(function: F) -> F:
    """Add ``-C DIR`` to a program; :func:`find_folder` takes its values."""
    return click.option(
        "-C", "folders", metavar="DIR", multiple=True, type=click.Path(), help="Run as if started in DIR."
    )(function)


def find_folder(folders: Sequence[str]) -> Path:
    """Return the folder that the values of ``-C`` lead to, one after the other. Raises :class:`Usage`."""
    folder = Path.cwd().joinpath(*folders)
    if not folder.is_dir():
        raise Usage(f"cannot change to {str(folder)!r}: no such folder")
    return folder


def run_command_line(
    command: click.Command,
    name: str,
    arguments: Sequence[str],
    *,
    complete_hint: Callable[[str], str] = str,
) -> int:
    """Run ``command`` as the program ``name`` and return its exit code; errors have been printed.

    ``complete_hint`` is applied to the hint of each error. With MUSEUI_DEBUG set, an unexpected exception is raised.
    """
    as_json = wants_json(arguments)

    def fail(error: MuseError) -> int:
        error.hint = complete_hint(error.hint)
        print_error(error, as_json)
        return error.exit_code

    try:
        result: Any = command.main(list(arguments), prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except MuseError as error:
        return fail(error)
    except click.exceptions.NoArgsIsHelpError as exc:
        talk(exc.format_message())
        return EXIT_USAGE
    except click.ClickException as exc:
        return fail(Usage(exc.format_message(), hint=_usage_hint(exc, name)))
    except (click.Abort, KeyboardInterrupt):
        return fail(Interrupted("interrupted"))
    except BrokenPipeError:
        raise
    except Exception as exc:
        if os.environ.get("MUSEUI_DEBUG"):
            raise
        if isinstance(exc, OSError) and (refusal := error_from_system(exc)):
            return fail(refusal)
        what = f"this should not have happened: {type(exc).__name__}: {exc}"[:_SHOWN_CHARS]
        return fail(Internal(what, hint="MUSEUI_DEBUG=1 shows where; please report it."))
    return result if isinstance(result, int) else EXIT_OK


def _usage_hint(exc: click.ClickException, name: str) -> str:
    context = getattr(exc, "ctx", None)
    return f"'{context.command_path if context else name} --help' shows how."
