"""What this hub can do and how much it takes, as ``GET refs`` tells its clients."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .config import HubSettings

CAPABILITIES = ("bundle", "stream", "unpack", "objects", "fetch-zstd", "tags", "delete-branch")


def describe_hub(settings: HubSettings) -> dict[str, Any]:
    """``capabilities`` and ``limits``."""
    return {"capabilities": list(CAPABILITIES), "limits": asdict(settings.limits)}
