"""What a hub keeps and by which rules: settings, index, object store and the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from .config import HubSettings
from .index.database import Database
from .store.base import ObjectStore


@dataclass(frozen=True, slots=True)
class HubParts:
    """The parts that work on what a hub keeps needs. ``now`` returns Unix seconds."""

    settings: HubSettings
    database: Database
    store: ObjectStore
    now: Callable[[], float] = time.time
