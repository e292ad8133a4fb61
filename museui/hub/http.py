"""httpx, imported without what no request of ours needs.

That is its command-line program, which would bring in rich and pygments; HTTP/2, loaded by the first connection that
speaks it; and trio, which httpcore loads wherever it is installed.  Together about 100 ms of every push.
"""

from __future__ import annotations

import importlib
import sys

_LEFT_OUT = {"httpx._main", "h2", "trio"}

if "httpx" not in sys.modules:
    absent = _LEFT_OUT - sys.modules.keys()
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # both go without what cannot be imported
    import httpx

    importlib.import_module("httpcore")  # what carries the requests; httpx would import it with its first client
    for name in absent:
        del sys.modules[name]
else:
    import httpx

__all__ = ["httpx"]
