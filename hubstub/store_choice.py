"""Which object store a hub has: the embedded one, unless its settings name another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from museui.core.errors import Usage

from .first_run import EMBEDDED
from .store.files import FileStore

if TYPE_CHECKING:
    from .config import HubSettings
    from .store.base import ObjectStore


def store_name(settings: HubSettings, worker: str) -> str:
    """What people call the store. A folder has the name of its hub when the index is not in it."""
    if settings.store is None:
        return f"the folder whose lock file says {worker}" if settings.database else EMBEDDED
    return f"s3://{settings.store.bucket}/{settings.store.prefix}".rstrip("/")


async def open_store(settings: HubSettings) -> ObjectStore:
    """The store, tried; it is ready once its ``signer`` has the hub's secret.

    Raises :class:`~museui.core.errors.Unavailable` or :class:`Usage` when it cannot be used.
    """
    store = connect_store(settings, b"")
    if settings.store is not None:
        from .store.s3 import S3Store
        from .store.s3_probe import probe_store

        assert isinstance(store, S3Store)
        await probe_store(store)
    return store


def connect_store(settings: HubSettings, secret: bytes) -> ObjectStore:
    """The store, untried: for commands beside a hub that has tried it. Raises as :func:`open_store` does."""
    if settings.store is None:
        return FileStore(settings.store_dir, secret)
    require_s3_packages()
    from .store.s3 import S3Store

    return S3Store(settings.store, secret)


def require_s3_packages() -> None:
    """Raise :class:`Usage` unless what an S3 store needs is installed."""
    try:
        import botocore  # noqa: F401
        import minio  # noqa: F401
        import obstore  # noqa: F401
    except ImportError as exc:
        raise Usage(
            f"an S3 store needs the package {exc.name}", hint="Install it with: pip install 'museui[s3]'"
        ) from exc
