"""The hub's parts for a command that works on index and objects, whether the hub runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .store_options import read_store_settings

if TYPE_CHECKING:
    from ..state import HubState

T = TypeVar("T")


def with_hub(data_dir: Path, store: Mapping[str, Any], work: Callable[[HubState], Awaitable[T]]) -> T:
    """What ``work`` gives for the hub in ``data_dir``; ``store``: what options said of its object store.

    Raises :class:`~museui.core.errors.Usage` when there is no hub, or its objects are in another store.
    """

    folder = data_dir.absolute()

    async def run() -> T:
        async with _opened(folder, store) as hub:
            return await work(hub)

    return asyncio.run(run())


@asynccontextmanager
async def _opened(data_dir: Path, given: Mapping[str, Any]) -> AsyncIterator[HubState]:
    from ..config import HubSettings
    from ..first_run import ensure_same_store, ensure_url_secret
    from ..folder import require_data_folder
    from ..index.database import Database
    from ..state import HubState
    from ..store.open import connect_store, store_name

    require_data_folder(data_dir)
    settings = HubSettings(data_dir, store=read_store_settings(data_dir, given))
    database = Database(settings.database_url, checkpoints=False)
    try:
        await ensure_same_store(database, store_name(settings))
        store = connect_store(settings, await ensure_url_secret(database))
        yield HubState(settings, database, store)
    finally:
        await database.close()
