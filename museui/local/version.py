"""Which version of the program this is."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def program_version() -> str:
    """The version of the installed package, ``source`` when it is not installed."""
    try:
        return version("museui")
    except PackageNotFoundError:
        return "source"
