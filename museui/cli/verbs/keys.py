"""``museui keys``: the Ed25519 key that signs your commits."""

from __future__ import annotations

import click

from ...core.errors import NotFound, Unauthorized, Usage
from ...core.wire import EnrolKey
from ...edge.output import json_option, print_json, quiet_option, talk, warn
from ...repo.keys import SigningKey, generate_signing_key, key_path, read_signing_key
from ..context import Context


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
    _print(_read_key(), as_json)


@command.command()
@click.argument("hub", required=False)
@click.option("--label", default="", help="What the key is, for people: laptop, build server.")
@json_option
@quiet_option
@click.pass_obj
def enrol(context: Context, hub: str | None, label: str, as_json: bool, quiet: bool) -> None:
    """Tell HUB that the key is yours, so that repositories which ask for signatures take your commits.

    Without HUB it is the one that the repository here is pushed to. Only the public key is sent. It takes a token
    with the scope 'admin'.
    """
    import os

    from museui.hub.client import HubLine
    from museui.hub.url import parse_hub_url
    from museui.settings.hubs import find_trust
    from museui.settings.tokens import token_for

    from ...edge.run_async import run_async, with_line

    key = _read_key()
    base = parse_hub_url(hub) if hub else _hub_of(context)
    token = token_for(base, os.environ, warn, named=hub is not None)
    if token is None:
        raise Unauthorized(f"you are not signed in to {base}", hint=f"Sign in first: 'museui login {base}'.")

    async def send(line: HubLine) -> str:
        await line.enrol_key(EnrolKey(key.public, label))
        return (await line.fetch_account()).name

    name = run_async(with_line(HubLine(base, token, trust=find_trust(base, os.environ)), send))
    if as_json:
        print_json({"ok": True, "hub": base, "name": name, "public_key": key.public, "key_id": key.key_id})
    else:
        talk(f"{base} knows key {key.key_id} as {name}'s", quiet=quiet)


def _hub_of(context: Context) -> str:
    from ..hub_target import open_target

    try:
        return open_target(context.cwd, None).url.base
    except (Usage, NotFound) as exc:
        raise Usage(f"which hub? {exc.message}", hint="Name it: 'museui keys enrol https://hub.example.org'.") from exc


def _read_key() -> SigningKey:
    path = key_path()
    key = read_signing_key(path, warn)
    if key is None:
        raise NotFound(f"there is no key yet: {path}", hint="museui keys generate makes one.")
    return key


def _print(key: SigningKey, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, "public_key": key.public, "key_id": key.key_id, "path": str(key_path())})
    else:
        click.echo(f"{key.public}\n{key.key_id}")
