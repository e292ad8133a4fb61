"""Options that several verbs of the hub share, and how their answers and failures are printed."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from museui.core.cells import cell_width, pad
from museui.core.documents import uniform
from museui.core.errors import Invalid
from museui.core.figures import one_line

from ..folder import command
from .database_option import database_option, open_database

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_DURATION = re.compile(r"(\d{1,9})([smhdw])").fullmatch
_SIZE = re.compile(r"(\d{1,15})([KMGT]?)(?:I?B)?", re.ASCII).fullmatch
_SIZE_SHIFT = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_OWN_COMMAND = re.compile(r"'museui hub ([^']*)'")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _default_data_dir() -> Path:
    from platformdirs import user_data_path

    return user_data_path("museui") / "hub"


_named_folder: ContextVar[Path | None] = ContextVar("named_folder", default=None)
"""The hub's folder where ``--data`` says it, so that commands in hints say it, too."""


def data_option(function: F) -> F:
    """``--data DIR``: the hub's folder; and :func:`database_option`, which goes with it."""

    def keep(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
        is_named = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        _named_folder.set(value if is_named else None)
        return value

    return click.option(
        "--data",
        "data_dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=_default_data_dir,
        envvar="MUSEUI_HUB_DATA",
        show_default="a folder of the user's",
        callback=keep,
        help="The folder the hub lives in.",
    )(database_option(function))


def json_option(function: F) -> F:
    """``--json``: the answer as one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(function)


def parse_duration(text: str) -> int:
    """Seconds in ``30d``, ``12h``, ``15m``, ``2w`` or ``90s``. Raises :class:`Invalid`."""
    match = _DURATION(text)
    if not match or int(match[1]) == 0:
        raise Invalid(f"not a length of time: {text!r:.40}", hint="Write 30d, 12h, 15m, 2w or 90s.")
    return int(match[1]) * _UNIT_S[match[2]]


def parse_size(text: str) -> int:
    """Bytes in ``10G``, ``500M``, ``64K`` or ``4096``, in powers of 1024. Raises :class:`Invalid`."""
    match = _SIZE(text.strip().upper())
    if not match:
        raise Invalid(f"not a size: {text!r:.40}", hint="Write 10G, 500M, 64K, 2T or a number of bytes.")
    return int(match[1]) << _SIZE_SHIFT[match[2]]


class SizeType(click.ParamType[int]):
    """A size on the command line, in an environment variable or in ``hub.toml``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See :func:`parse_size`."""
        if isinstance(value, int) and value >= 0:
            return value
        try:
            return parse_size(str(value))
        except Invalid as exc:
            self.fail(f"{exc.message}. {exc.hint}", param, ctx)


class NetworkType(click.ParamType[ipaddress.IPv4Network | ipaddress.IPv6Network]):
    """An address or a network in CIDR form."""

    name = "cidr"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The network; an address is one of its own."""
        if isinstance(value, (ipaddress.IPv4Network, ipaddress.IPv6Network)):
            return value
        try:
            return ipaddress.ip_network(value)
        except ValueError:
            self.fail(f"{value!r} is no address and no network. Write 10.0.0.5 or 10.0.0.0/8.", param, ctx)


class IntervalType(click.ParamType[float]):
    """A length of time, in seconds; where it is how often something comes round, also ``off``, which is 0."""

    name = "time"

    def __init__(self, may_be_off: bool = True) -> None:
        self._off = ("0", "off") if may_be_off else ()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See :func:`parse_duration`."""
        if isinstance(value, float):
            return value
        try:
            return 0.0 if value in self._off else float(parse_duration(value))
        except Invalid as exc:
            self.fail(f"{exc.message}. {exc.hint}", param, ctx)


def print_json(document: Mapping[str, Any]) -> None:
    """Print a document of ``docs/json.md`` on stdout, on one line; ``ok`` is true unless ``document`` has another."""
    click.echo(json.dumps(uniform({"ok": True, **document})))


def print_rows(rows: list[tuple[str, ...]]) -> None:
    """Rows as aligned columns on stdout, each on one line."""
    rows = [tuple(map(one_line, row)) for row in rows]
    widths = [max(cell_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip())


def name_folder(text: str) -> str:
    """Return ``text`` with ``--data`` in the hub's commands that it quotes, when this command was given it as well."""
    folder = _named_folder.get()
    if folder is None:
        return text

    def complete(found: re.Match[str]) -> str:
        return found[0] if "--data" in found[1] else f"'{command(found[1], folder)}'"

    return _OWN_COMMAND.sub(complete, text)


def render_time(seconds: float | None) -> str:
    """A time in UTC to the minute, ``-`` for none."""
    return "-" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def change(data_dir: Path, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Run ``work`` in one transaction on the hub's database, whether the hub runs or not."""
    return asyncio.run(_with_database(data_dir, work, write=True))


def ask(data_dir: Path, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Run ``work``, which changes nothing, on the hub's database, whether the hub runs or not."""
    return asyncio.run(_with_database(data_dir, work, write=False))


async def _with_database(data_dir: Path, work: Callable[[AsyncConnection], Awaitable[T]], *, write: bool) -> T:
    async with open_database(data_dir) as database:
        if write:
            return await database.change(work)
        async with database.read() as connection:
            return await work(connection)
