"""``museui completion SHELL``: what a shell needs to complete verbs, options, branches and remotes."""

from __future__ import annotations

import click

from ...edge.output import json_option, print_json

COMPLETE_VARIABLE = "_MUSEUI_COMPLETE"
"""Set by the shell's function when it asks what could come next."""
_HELP = {
    "bash": 'Put this in ~/.bashrc: eval "$(museui completion bash)"',
    "zsh": 'Put this in ~/.zshrc: eval "$(museui completion zsh)"',
    "fish": "Run this once: museui completion fish > ~/.config/fish/completions/museui.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(tuple(_HELP)))
@json_option
@click.pass_context
def command(ctx: click.Context, shell: str, as_json: bool) -> None:
    """Print what makes SHELL complete museui's verbs, options, files, remotes and branches.

    \b
    bash: in ~/.bashrc    eval "$(museui completion bash)"
    zsh:  in ~/.zshrc     eval "$(museui completion zsh)"
    fish: once            museui completion fish > ~/.config/fish/completions/museui.fish
    """
    from click.shell_completion import get_completion_class

    maker = get_completion_class(shell)
    assert maker is not None
    script = maker(ctx.find_root().command, {}, "museui", COMPLETE_VARIABLE).source()
    if as_json:
        print_json({"ok": True, "shell": shell, "script": script, "install": _HELP[shell]})
    else:
        click.echo(script)
