"""``museui config``: the user's settings as they hold, where they are, and what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ....core.errors import EXIT_OK, EXIT_USAGE, MuseError, NotFound, Usage
from ....core.figures import render_count
from ....edge.output import json_option, print_json, printable, quiet_option, talk
from ...context import Context
from .author import author

if TYPE_CHECKING:
    from museui.settings.mistakes import Mistake

_VARIABLES = (
    "MUSEUI_CA",
    "MUSEUI_HUB",
    "MUSEUI_TOKEN",
    "NO_COLOR",
    "SSL_CERT_FILE",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
)


@click.group()
def command() -> None:
    """Your settings: config.toml, for the command line, the daemon and the terminal interface."""


command.add_command(author)


@command.command()
@json_option
def path(as_json: bool) -> None:
    """Print where config.toml is, there or not; with --json also where everything else is."""
    from museui.local.places import find_places
    from museui.repo.identity import identity_path
    from museui.sync.kept_bundles import kept_bundles_folder

    places = find_places()
    if not as_json:
        click.echo(str(places.config))
        return
    named = {"config": places.config, "identity": identity_path(), "data": places.data, "log": places.log}
    named |= {"socket": places.socket, "spool": kept_bundles_folder()}
    print_json({"ok": True, **{name: str(place) for name, place in named.items()}})


@command.command()
@json_option
def show(as_json: bool) -> None:
    """Print the settings that hold, as TOML: what config.toml says, and the defaults for the rest."""
    import tomlkit

    from museui.local.places import find_places
    from museui.repo.config import parse_toml, read_toml_text
    from museui.settings.config import Config, ConfigFile
    from museui.settings.notify import Notify

    file = find_places().config
    ConfigFile(file).read()
    tables: dict[str, Any] = parse_toml(read_toml_text(str(file))) if file.exists() else {}
    apart = {"notify", "hubs", "repositories", "invalid"}
    defaults = {item.name: getattr(Config(), item.name) for item in fields(Config) if item.name not in apart}
    settings: dict[str, Any] = {"daemon": defaults, "notify": asdict(Notify())}
    for name, table in tables.items():
        settings[name] = {**settings[name], **table} if name in settings else table
    settings = {name: _without_none(table) for name, table in settings.items()}
    variables = [name for name in _VARIABLES if os.environ.get(name)]
    if as_json:
        print_json({"ok": True, "path": str(file), "settings": _plain(settings), "environment": variables})
        return
    click.echo(f"# {file}" + ("" if file.exists() else ": not there, these are the defaults"))
    for name in variables:
        click.echo(f"# {name} is set")
    click.echo(printable(tomlkit.dumps(settings).rstrip("\n")))


@command.command()
@click.argument("file", required=False, type=click.Path())
@json_option
@quiet_option
@click.pass_obj
def validate(context: Context, file: str | None, as_json: bool, quiet: bool) -> int:
    """Check FILE, or else config.toml, the file of tokens and the settings of the repository here.

    Every mistake is a line on stdout: file, line, key, what is wrong and what is allowed. The exit code is 2 when there
    is one.
    """
    checked = [_Checked(context.path(file), _find_settings_mistakes)] if file else _own_files(context)
    if file and not checked[0].path.exists():
        raise NotFound(f"there is no {checked[0].path}", hint="Leave the name out to check your own settings.")
    found = [(item.path, mistake) for item in checked if item.path.exists() for mistake in item.find(item.path)]
    if as_json:
        mistakes = [{"file": str(path), **asdict(mistake)} for path, mistake in found]
        print_json({"ok": not found, "files": [str(item.path) for item in checked], "faults": mistakes})
    else:
        for path, mistake in found:
            click.echo(printable(_render(path, mistake)))
        names = ", ".join(str(item.path) if item.path.exists() else f"no {item.path}" for item in checked)
        verdict = f"{render_count(len(found), 'mistake')} in" if found else "all good:"
        talk(printable(f"{verdict} {names}"), quiet=quiet)
    return EXIT_USAGE if found else EXIT_OK


@dataclass(frozen=True, slots=True)
class _Checked:
    path: Path
    find: Callable[[Path], list[Mistake]]


def _own_files(context: Context) -> list[_Checked]:
    from museui.local.places import find_places
    from museui.repo.config import read_config
    from museui.repo.identity import identity_path, read_identities
    from museui.repo.repository import Repository

    files = [
        _Checked(find_places().config, _find_settings_mistakes),
        _Checked(identity_path(), lambda path: _find_all(path, lambda file: read_identities(file).faults)),
    ]
    try:
        muse = Repository.open(context.cwd).muse
    except Usage:
        return files
    return [
        *files,
        _Checked(
            muse / "config.toml", lambda path: _find_all(path, lambda file: read_config(str(file)).remotes.faults)
        ),
    ]


def _find_settings_mistakes(path: Path) -> list[Mistake]:
    from museui.repo.config import read_toml_text
    from museui.settings.mistakes import find_mistakes
    from museui.tui.actions import ACTIONS

    try:
        return find_mistakes(read_toml_text(str(path)), [action.id for action in ACTIONS])
    except Usage as exc:
        raise Usage(f"{path}: {exc.message}", hint=exc.hint) from exc


def _find_all(path: Path, read: Callable[[Path], Mapping[str, MuseError]]) -> list[Mistake]:
    """Return what is wrong with another file: with each of its entries, or the first thing in the whole of it."""
    import re

    from museui.settings.mistakes import Mistake

    try:
        errors: list[MuseError] = list(read(path).values())
    except Usage as exc:
        errors = [exc]
    lines = [re.search(r"at line (\d+)", error.message) for error in errors]
    return [
        Mistake(int(line[1]) if line else None, "", error.message.removeprefix(f"{path}: "), error.hint)
        for error, line in zip(errors, lines, strict=True)
    ]


def _render(path: Path, mistake: Mistake) -> str:
    where = f"{path}:{mistake.line}" if mistake.line else str(path)
    parts = (where, mistake.key, mistake.message) if mistake.key else (where, mistake.message)
    return ": ".join(parts) + (f". {mistake.hint}" if mistake.hint else "")


def _without_none(table: Any) -> Any:
    if not isinstance(table, dict):
        return table
    return {name: list(v) if isinstance(v, tuple) else v for name, v in table.items() if v is not None}


def _plain(value: Any) -> Any:
    """``value`` as JSON has it: there is no infinity and no date in it."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    finite = isinstance(value, float) and value - value == 0
    return value if finite or value is None or isinstance(value, (str, int)) else str(value)
