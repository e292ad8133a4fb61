"""The body of the 0.1.x ``POST push``: one map that holds a whole bundle beside what is wanted of it.

Read as a stream like a bundle by itself, so its length costs no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from museui.core.bundle import BundleItem, read_bundle_map
from museui.core.errors import Invalid
from museui.core.limits import Limits
from museui.core.stream import StreamHeader
from museui.core.unpack import StreamUnpacker

S = TypeVar("S")

_FIELDS = frozenset({"branch", "force"})


def read_envelope(
    raw: Iterable[bytes], limits: Limits, read_snapshots: Callable[[StreamUnpacker, int, Limits], Iterator[S]]
) -> Iterator[StreamHeader | BundleItem | S]:
    """What is in ``{bundle, branch, force}``, the bundle's items as they come, ``branch`` and ``force`` at the end.

    Raises as :func:`~museui.core.bundle.read_bundle` does, and :class:`Invalid` when there is no bundle.
    """
    source = StreamUnpacker(raw, limits.max_record_bytes)
    fields: dict[str, Any] = {}
    seen: set[str] = set()
    for _ in range(source.map_size("the message")):
        key = source.text("a key of the message")
        if key in seen:
            raise Invalid(f"the message has {key!r} twice")
        seen.add(key)
        if key == "bundle":
            yield from read_bundle_map(source, limits, read_snapshots)
        elif key in _FIELDS:
            fields[key] = source.value()
        else:
            source.skip()
    if "bundle" not in seen:
        raise Invalid("field 'bundle' is missing", details={"field": "bundle"})
    source.finish()
    yield StreamHeader(fields)
