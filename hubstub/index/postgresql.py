"""How the hub uses PostgreSQL, through asyncpg: its addresses, its connections, what its failures mean.

asyncpg and psycopg were measured alike (7,235 rows in 0.05 s against 0.08 s); asyncpg needs no libpq and imports in
two thirds of the time.  Its addresses are libpq's: ``postgresql://user@host/database?sslmode=verify-full``, and what
an address leaves out comes from ``PGPASSWORD``, ``PGPASSFILE`` and their like.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from museui.core.errors import Unavailable, Usage

SCHEMES = ("postgresql", "postgres")
_CONNECT_S = 10.0
_DEAD_CLIENT = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
"""A hub whose machine died must not keep its locks for two hours."""
_WRITER = {"lock_timeout": "60s", "idle_in_transaction_session_timeout": "120s"}
"""Nor may one that hangs."""
_CONTENDED = ("40001", "40P01", "23503", "23505")
"""Serialisation failure, deadlock, a row that went or came between look and write: the same again may work."""
_UNAVAILABLE = ("08", "25006", "40", "53", "55P03", "57", "58")


def is_postgresql(url: str) -> bool:
    """Whether a database's URL is one of PostgreSQL's."""
    return url.partition("://")[0] in SCHEMES


class ServerDown(Unavailable):
    """PostgreSQL does not answer. Where it is, which the message says, is for whoever runs the hub alone."""


def server_name(url: str) -> str:
    """What messages call the database behind ``url``: never with a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "PostgreSQL"
    where = f" at {host}:{port or 5432}" if host else ""
    return f"the PostgreSQL database {parts.path.strip('/') or 'of that address'!r}{where}"


def require_postgresql_package() -> None:
    """Raise :class:`Usage` unless what PostgreSQL needs is installed."""
    try:
        import asyncpg  # noqa: F401
    except ImportError as exc:
        raise Usage(
            f"PostgreSQL needs the package {exc.name}", hint="Install it with: pip install 'museui[postgres]'"
        ) from exc


def create_engine(url: str, *, read_only: bool, pool_size: int, max_overflow: int) -> AsyncEngine:
    """Connections for queries, each transaction one consistent view, or (not ``read_only``) for changes.

    Raises :class:`Usage` without the driver.  Connecting raises :class:`Usage` or :class:`Unavailable`.
    """
    require_postgresql_package()

    async def connect() -> Any:
        return await _connect(url, _DEAD_CLIENT if read_only else _DEAD_CLIENT | _WRITER)

    isolation = "REPEATABLE READ" if read_only else "READ COMMITTED"
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        execution_options={"isolation_level": isolation, "postgresql_readonly": read_only},
    )


async def _connect(url: str, settings: dict[str, str]) -> Any:
    import asyncpg

    try:
        return await asyncpg.connect(url, timeout=_CONNECT_S, server_settings=settings)
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as exc:
        raise Usage(
            f"{server_name(url)} does not let the hub in: {exc}", hint="Check user, password and name of the database."
        ) from exc
    except (asyncpg.PostgresError, OSError, TimeoutError) as exc:
        why = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc) or "no answer"
        message = f"{server_name(url)} does not answer: {why}"
        raise ServerDown(message, hint="Is it running, at this address?") from exc
    except (asyncpg.InterfaceError, ValueError) as exc:
        raise Usage(
            "the address of the database cannot be understood",
            hint="Write postgresql://USER@HOST:PORT/DATABASE, with ?sslmode=verify-full when it is far away.",
        ) from exc


def is_contended(exc: BaseException | None) -> bool:
    """Whether a transaction failed because of another one, so that it may work when it is done again."""
    return isinstance(exc, DBAPIError) and _sqlstate(exc) in _CONTENDED


def is_unavailable(exc: DBAPIError) -> bool:
    """Whether the database cannot answer now."""
    return _sqlstate(exc).startswith(_UNAVAILABLE) or is_contended(exc)


def is_unstorable(exc: DBAPIError) -> bool:
    """Whether a value was one that the database has no place for: a NUL in a text, a number that is too large."""
    client_side = type(exc.orig.__cause__).__name__ == "DataError" if exc.orig is not None else False
    return client_side or _sqlstate(exc).startswith("22")


def _sqlstate(exc: DBAPIError) -> str:
    return getattr(exc.orig, "sqlstate", None) or ""
