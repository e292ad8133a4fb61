"""Groups of verbs: a suggestion for a verb that is misspelt, and ``help``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click


class Group(click.Group):
    """A group that suggests one of its verbs for one that it does not have, also when it imports them late."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as exc:
            names = self.list_commands(ctx)
            raise click.exceptions.NoSuchCommand(exc.command_name, possibilities=names, ctx=ctx) from None


@click.command("help", context_settings={"ignore_unknown_options": True})
@click.argument("verbs", metavar="[VERB [SUBCOMMAND]]", nargs=-1)
@click.pass_context
def help_command(ctx: click.Context, verbs: Sequence[str]) -> Any:
    """Show the help of a verb."""
    root = ctx.find_root()
    assert root.info_name
    return root.command.main([*verbs, "--help"], prog_name=root.info_name, standalone_mode=False)
