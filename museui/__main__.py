"""The console script ``museui``, up to where the program itself begins."""

from __future__ import annotations

from .core.early import end_on_interrupt


def main() -> None:
    """Import the program and run it."""
    end_on_interrupt()
    from .cli.main import main as run

    run()


if __name__ == "__main__":
    main()
