"""What verbs share: stdout is data, stderr is talk; the options every verb has; where the command runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import click

from ..core.errors import MuseError
from ..core.printable import escape_text

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """``--json``: the verb's answer as one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(function)


def quiet_option(function: F) -> F:
    """``--quiet``: no talk, errors only."""
    return click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")(function)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout, on one line, in the form that :func:`uniform` gives it."""
    from ..core.documents import uniform  # only documents need it, and imports are latency

    click.echo(json.dumps(uniform(document)))


def talk(text: str, *, quiet: bool = False) -> None:
    """Talk on stderr, unless ``quiet``."""
    if not quiet:
        _say(text)


def warn(text: str) -> None:
    """A line on stderr that ``--quiet`` does not silence."""
    _say(f"warning: {text}")


def _say(text: str) -> None:
    with suppress(OSError):  # what is done is done, also when nobody can be told
        click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """``text`` with what could steer a terminal or that nobody can see written as escapes; lines and tabs stay."""
    return escape_text(text)


def print_error(error: MuseError, as_json: bool) -> None:
    """A failure: a JSON document on stdout, or ``error:`` and ``hint:`` on stderr, also where stdout takes nothing."""
    if as_json:
        with suppress(OSError):
            print_json({"ok": False, "error": error.to_json()})
            return
    _say(f"error: {error.message}")
    if error.hint:
        _say(f"hint: {error.hint}")
