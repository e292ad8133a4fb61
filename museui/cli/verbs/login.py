"""``museui login HUB``: a token, tried on the hub and then kept in ``~/.muse/identity.toml``. Never an argument."""

from __future__ import annotations

import os
import sys
import time

import click

from ...core.errors import Integrity, Invalid, NotFound, Unauthorized, Usage
from ...core.wire import Account
from ...edge.output import json_option, print_json, quiet_option, talk
from ...edge.run_async import run_async, with_line

_MAX_TOKEN_CHARS = 4096


@click.command()
@click.argument("hub")
@json_option
@quiet_option
def command(hub: str, as_json: bool, quiet: bool) -> None:
    """Sign in to HUB, https://HOST, with a token from stdin or, on a terminal, from a prompt that does not show it.

    The token is tried first, and kept in ~/.muse/identity.toml only when the hub takes it.
    """
    from museui.hub.client import HubLine
    from museui.hub.url import check_token_may_travel, parse_hub_url
    from museui.repo.identity import Identity, identity_path, key_for, write_identity
    from museui.settings.hubs import find_trust
    from museui.settings.tokens import TOKEN_VARIABLE

    base = parse_hub_url(hub)
    check_token_may_travel(base)
    trust = find_trust(base, os.environ)
    path = identity_path()
    key = key_for(base, path)
    token = _read_token(base)

    try:
        account: Account = run_async(with_line(HubLine(base, token, trust=trust), lambda line: line.fetch_account()))
    except Unauthorized as exc:
        raise Unauthorized(
            f"the hub at {base} does not take this token",
            hint="It may have expired or been revoked; 'museui hub token create', where the hub runs, makes another.",
        ) from exc
    except (NotFound, Integrity, Invalid) as exc:
        raise Usage(
            f"what answers at {base} is not a hub one can sign in to",
            hint="Give the address of the hub itself, without a repository.",
        ) from exc
    write_identity(Identity(key, token, name=account.name, capabilities=(account.scope,)), path)
    if os.environ.get(TOKEN_VARIABLE, token) != token:
        talk(f"warning: {TOKEN_VARIABLE} is set, and goes before what was saved", quiet=quiet)
    if as_json:
        print_json({"ok": True, "hub": base, **_document(account)})
    else:
        talk(f"signed in to {key} as {account.name}: {_render(account)}", quiet=quiet)


def _read_token(base: str) -> str:
    if sys.stdin.isatty():
        token = str(click.prompt(f"Token for {base}", hide_input=True, err=True))
    else:
        token = sys.stdin.buffer.read(_MAX_TOKEN_CHARS + 1).decode(errors="replace")
    token = token.strip()
    if not token:
        raise Usage("there is no token on stdin", hint=f"Give it as in: museui login {base} < token.txt")
    if len(token) > _MAX_TOKEN_CHARS or not (token.isascii() and token.isprintable()) or " " in token:
        raise Usage("what came is not a token", hint="A token is one word, as 'museui hub token create' prints it.")
    return token


def _document(account: Account) -> dict[str, object]:
    names = ("name", "scope", "repository", "expires_at")
    return {name: getattr(account, name) for name in names}


def _render(account: Account) -> str:
    may = {"read": "may read", "write": "may read and write", "admin": "may do everything"}
    text = may.get(account.scope, account.scope)
    text += f" in {account.repository} alone" if account.repository else ""
    if account.expires_at is not None:
        text += f", until {time.strftime('%Y-%m-%d %H:%M', time.localtime(account.expires_at))}"
    return text
