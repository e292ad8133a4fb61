"""httpx, imported without its command-line program, which would bring in rich and pygments: 60 ms of every push."""

from __future__ import annotations

import sys

_PROGRAM = "httpx._main"

if "httpx" not in sys.modules:
    sys.modules[_PROGRAM] = None  # type: ignore[assignment]  # httpx goes without it when it cannot be imported
    import httpx

    del sys.modules[_PROGRAM]
else:
    import httpx

__all__ = ["httpx"]
