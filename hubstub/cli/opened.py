"""The hub's parts for a command that works on index and objects, whether the hub runs or not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from museui.core.errors import Unavailable

from .database_option import open_database, read_database_url
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
    from ..folder import ensure_worker_name
    from ..identity import marry, require_own_store
    from ..state import HubState
    from ..store.minio_process import read_own_minio
    from ..store_choice import connect_store, store_name

    chosen = read_store_settings(data_dir, given)
    store_settings = chosen or read_own_minio(data_dir)
    settings = HubSettings(data_dir, store=store_settings, database=read_database_url(data_dir))
    async with open_database(data_dir) as database:
        where = store_name(settings, ensure_worker_name(data_dir))
        store = connect_store(settings, await ensure_url_secret(database))
        try:
            await require_own_store(database, store, where)
        except Unavailable as exc:
            if store_settings is None or chosen is not None:
                raise
            raise Unavailable(
                exc.message, hint="Its MinIO runs while the hub does: start 'museui hub serve --minio' first."
            ) from exc
        await ensure_same_store(database, where)
        await marry(database, store, where, time.time())
        yield HubState(settings, database, store)
