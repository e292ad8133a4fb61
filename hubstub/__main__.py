"""``python -m hubstub``: the hub's command line, which people know as ``museui hub``."""

from __future__ import annotations

import sys

from museui.core.early import end_on_interrupt

if __name__ == "__main__":
    end_on_interrupt(sys.argv[1:])
    from museui.edge.program import run_program

    from .cli.main import run

    run_program(run)
