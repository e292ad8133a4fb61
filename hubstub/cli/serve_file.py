"""``[serve]`` in ``hub.toml``: the options of ``museui hub serve``, under their own names.

An option goes before its environment variable (``MUSEUI_HUB_`` and its name), and that before the file.
"""

from __future__ import annotations

import click

from museui.core.errors import Usage

_TABLE = "serve"


class ServeCommand(click.Command):
    """A command whose options may stand in the file of the folder that ``--data`` names."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See :meth:`click.Command.parse_args`. Raises :class:`Usage` for a file that will not do."""
        from ..store.store_file import NAME, read_options_table

        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        data = next(param for param in self.params if param.name == "data_dir")
        value, _ = data.consume_value(ctx, given)
        path = data.type_cast_value(ctx, value) / NAME
        ctx.default_map = {}
        for key, item in read_options_table(path, _TABLE).items():
            option = next((param for param in self.params if "--" + key in param.opts), None)
            if option is None or option.name in (None, "data_dir", "as_json"):
                raise Usage(f"{str(path)!r}: nobody knows '{key}' in [{_TABLE}]", hint="Name options without --.")
            ctx.default_map[str(option.name)] = item
        return super().parse_args(ctx, args)
