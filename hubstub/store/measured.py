"""Calls to an object store, timed and counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from museui.core.errors import Unavailable

from ..metrics import STORE_ERRORS, STORE_SECONDS

P = ParamSpec("P")
T = TypeVar("T")


def measured(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Count what ``method`` does under its own name, and how often the store could not answer."""
    name = method.__name__

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        began = time.perf_counter()
        try:
            return await method(*args, **kwargs)
        except Unavailable:
            STORE_ERRORS.labels(name).inc()
            raise
        finally:
            STORE_SECONDS.labels(name).observe(time.perf_counter() - began)

    return call
