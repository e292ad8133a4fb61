"""``python -m hubstub``: the hub's command line, which people know as ``museui hub``."""

from __future__ import annotations

import os
import sys

from museui.core import failpoints

from .cli.main import run

if __name__ == "__main__":
    failpoints.arm(os.environ.get(failpoints.ENVIRONMENT, ""))
    sys.exit(run(sys.argv[1:]))
