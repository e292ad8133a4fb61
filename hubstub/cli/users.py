"""``museui hub user``: who there is."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import click

from .options import ask, change, data_option, json_option, print_json, print_rows, render_time


@click.group()
def user() -> None:
    """The people of the hub."""


@user.command("create")
@click.argument("name")
@data_option
@json_option
def create(name: str, data_dir: Path, as_json: bool) -> None:
    """Add a user. They need a token to do anything: 'token create'."""
    from ..people.users import create_user

    made = change(data_dir, lambda connection: create_user(connection, name, time.time()))
    if as_json:
        print_json({"user": asdict(made)})
    else:
        click.echo(f"user {made.name} created", err=True)


@user.command("list")
@data_option
@json_option
def list_(data_dir: Path, as_json: bool) -> None:
    """Show every user."""
    from ..people.users import list_users

    found = ask(data_dir, list_users)
    if as_json:
        print_json({"users": [asdict(item) for item in found]})
    elif found:
        print_rows([(item.name, "since " + render_time(item.created_at)) for item in found])


@user.command("remove")
@click.argument("name")
@data_option
@json_option
def remove(name: str, data_dir: Path, as_json: bool) -> None:
    """Let a user do nothing any more. What they did stays theirs, and the name is never given again."""
    from ..people.users import remove_user

    change(data_dir, lambda connection: remove_user(connection, name, time.time()))
    if as_json:
        print_json({})
    else:
        click.echo(f"user {name} removed", err=True)
