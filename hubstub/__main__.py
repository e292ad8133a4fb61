"""``python -m hubstub``: the hub's command line, which people know as ``museui hub``."""

from __future__ import annotations

import os
import sys

from museui.core import failpoints
from museui.core.early import end_on_interrupt, raise_on_interrupt

if __name__ == "__main__":
    end_on_interrupt()
    from .cli.main import run

    raise_on_interrupt()
    failpoints.arm(os.environ.get(failpoints.ENVIRONMENT, ""))
    sys.exit(run(sys.argv[1:]))
