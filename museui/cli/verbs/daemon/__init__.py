"""``museui daemon``: the group in :mod:`.group`, a file for each larger subcommand."""

from .group import command as command
