"""What the index knows and ``GET /metrics`` shows: read when it is asked for, the same from every process of a hub."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import func, select

from museui.core.errors import MuseError

from ..identity import read_behind
from ..index.database import Database
from ..index.recurring import OBJECTS_GC, read_last
from ..index.schema import bundles, damage, jobs, repositories, uploads, users
from .leftovers import read_unnamed

REGISTRY = CollectorRegistry()

_P = "museui_hub_"
DATABASE_UP = Gauge(_P + "database_up", "Whether the database answers.", registry=REGISTRY)
JOBS = Gauge(_P + "jobs", "Background jobs.", ["kind", "state"], registry=REGISTRY)
JOBS_OLDEST = Gauge(_P + "jobs_oldest_seconds", "Age of the oldest job of each kind.", ["kind"], registry=REGISTRY)
BACKLOG = Gauge(_P + "promotion_backlog_bundles", "Bundles whose objects have no keys yet.", registry=REGISTRY)
BACKLOG_BYTES = Gauge(_P + "promotion_backlog_bytes", "Bytes of these bundles.", registry=REGISTRY)
DAMAGE = Gauge(_P + "damage", "Damage that was found and not repaired.", ["kind"], registry=REGISTRY)
UPLOADS_OPEN = Gauge(_P + "uploads_open", "Uploads that wait for their bytes or their confirm.", registry=REGISTRY)
REPOSITORIES = Gauge(_P + "repositories", "Repositories.", registry=REGISTRY)
USERS = Gauge(_P + "users", "Users.", registry=REGISTRY)
MEMBER_BYTES = Gauge(
    _P + "repository_bytes",
    "Bytes of all repositories' objects, each counted in every repository that has it.",
    registry=REGISTRY,
)
OLDER_COPY = Gauge(
    _P + "older_copy", "Whether the database is an older copy than the one that filled the store.", registry=REGISTRY
)
UNNAMED_FILES = Gauge(
    _P + "unnamed_files", "Files in the store that no row names, when last counted.", registry=REGISTRY
)
GC_WAITS = Gauge(_P + "gc_waits", "Whether the last collection waits for a person to decide.", registry=REGISTRY)


async def measure_index(database: Database, now: float) -> None:
    """Set every gauge; when the database does not answer, ``database_up`` is 0 and the others are left out."""
    for gauge in (JOBS, JOBS_OLDEST, DAMAGE):
        gauge.clear()
    try:
        async with database.read() as connection:
            counted = select(jobs.c.kind, jobs.c.state, func.count().label("count"), func.min(jobs.c.created_at))
            since: dict[str, float] = {}
            for kind, state, count, oldest in await connection.execute(counted.group_by(jobs.c.kind, jobs.c.state)):
                JOBS.labels(kind, state).set(count)
                since[kind] = min(oldest, since.get(kind, now))
            for kind, oldest in since.items():
                JOBS_OLDEST.labels(kind).set(now - oldest)
            count, size = (await connection.execute(select(func.count(), func.sum(bundles.c.size_bytes)))).one()
            BACKLOG.set(count)
            BACKLOG_BYTES.set(size or 0)
            for kind, count in await connection.execute(select(damage.c.kind, func.count()).group_by(damage.c.kind)):
                DAMAGE.labels(kind).set(count)
            waiting = select(func.count()).where(uploads.c.state == "open", uploads.c.expires_at > now)
            UPLOADS_OPEN.set((await connection.execute(waiting)).scalar_one())
            count, size = (await connection.execute(select(func.count(), func.sum(repositories.c.stored_bytes)))).one()
            REPOSITORIES.set(count)
            MEMBER_BYTES.set(size or 0)
            OLDER_COPY.set(await read_behind(connection) is not None)
            unnamed, last = await read_unnamed(connection), await read_last(connection, OBJECTS_GC)
            UNNAMED_FILES.set(unnamed["count"] if unnamed else 0)
            GC_WAITS.set(bool(last and last["result"] and last["result"].get("objection")))
            USERS.set((await connection.execute(select(func.count()).select_from(users))).scalar_one())
    except MuseError:
        DATABASE_UP.set(0)
    else:
        DATABASE_UP.set(1)
