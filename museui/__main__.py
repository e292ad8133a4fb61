"""The program ``museui``, the console script and ``python -m museui``, up to where its own code is imported."""

from __future__ import annotations

import sys

from .core.early import end_on_interrupt


def main() -> None:
    """Import the program and run it."""
    end_on_interrupt(sys.argv[1:])
    from .cli.main import main as run

    run()


if __name__ == "__main__":
    main()
