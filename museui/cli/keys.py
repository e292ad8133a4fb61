"""``museui keys``: the Ed25519 key that signs your commits."""

from __future__ import annotations

import click

from ..core.errors import NotFound
from ..repo.keys import SigningKey, generate_signing_key, key_path, read_signing_key
from .output import json_option, print_json, quiet_option, talk, warn


@click.group()
def command() -> None:
    """The key that signs your commits."""


@command.command()
@json_option
@quiet_option
def generate(as_json: bool, quiet: bool) -> None:
    """Make a key; from now on every snapshot is signed with it. An existing key is never replaced."""
    path = key_path()
    key = generate_signing_key(path)
    talk(f"made {path}; keep a copy of it somewhere safe", quiet=quiet or as_json)
    _print(key, as_json)


@command.command()
@json_option
def show(as_json: bool) -> None:
    """Print the public key and its id."""
    path = key_path()
    key = read_signing_key(path, warn)
    if key is None:
        raise NotFound(f"there is no key yet: {path}", hint="museui keys generate makes one.")
    _print(key, as_json)


def _print(key: SigningKey, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, "public_key": key.public, "key_id": key.key_id, "path": str(key_path())})
    else:
        click.echo(f"{key.public}\n{key.key_id}")
