"""What verbs share: stdout is data, stderr is talk; the options every verb has; where the command runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from ..core.errors import MuseError

F = TypeVar("F", bound=Callable[..., Any])

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|\x1b")


@dataclass(frozen=True, slots=True)
class Context:
    """``click.Context.obj`` of every verb: the folder the command runs in (``-C``, else the present one)."""

    cwd: Path

    def path(self, argument: str | Path) -> Path:
        """A path given on the command line, seen from that folder."""
        return self.cwd / argument


def json_option(function: F) -> F:
    """``--json``: the verb's answer as one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(function)


def quiet_option(function: F) -> F:
    """``--quiet``: no talk, errors only."""
    return click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")(function)


def print_json(document: Any) -> None:
    """One JSON document, on one line, on stdout, flushed."""
    click.echo(json.dumps(document))


def talk(text: str, *, quiet: bool = False) -> None:
    """One line of talk on stderr, unless ``quiet``."""
    if not quiet:
        click.echo(text, err=True)


def warn(text: str) -> None:
    """A line on stderr that ``--quiet`` does not silence."""
    click.echo(f"warning: {printable(text)}", err=True)


def printable(text: str) -> str:
    """``text`` with the control characters that could steer a terminal written as escapes."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def print_error(error: MuseError, as_json: bool) -> None:
    """A failure: a JSON document on stdout, or ``error:`` and ``hint:`` on stderr."""
    if as_json:
        print_json({"ok": False, "error": error.to_json()})
        return
    click.echo(f"error: {printable(error.message)}", err=True)
    if error.hint:
        click.echo(f"hint: {printable(error.hint)}", err=True)
