"""``python -m daemon``: the process that `museui daemon run` becomes."""

from __future__ import annotations

import os
import sys

from museui.core import failpoints
from museui.core.early import end_on_interrupt
from museui.core.errors import MuseError
from museui.local.places import find_places

BACKGROUND = "--background"
"""Given by whoever starts the daemon without a terminal: its log is the file alone."""


def main() -> int:
    """Run the daemon of the present user; its exit code."""
    end_on_interrupt()
    from .program import run

    failpoints.arm(os.environ.get(failpoints.ENVIRONMENT, ""))
    try:
        run(find_places(), background=BACKGROUND in sys.argv[1:])
    except MuseError as exc:
        print(f"error: {exc.message}", file=sys.stderr)  # noqa: T201
        if exc.hint:
            print(f"hint: {exc.hint}", file=sys.stderr)  # noqa: T201
        return exc.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
