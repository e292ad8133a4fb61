"""The tables, as the steps that lead to them. A step that is released never changes: a change is a new step.

Times are seconds since 1970; ids are bare hex; ``error`` and ``detail`` are JSON.
``sent`` is for remotes that are bare URLs, which have no tracking refs.
"""

from __future__ import annotations

_FIRST = (
    """
    CREATE TABLE repositories (
        path TEXT PRIMARY KEY,
        repo_id TEXT,
        device INTEGER,
        inode INTEGER,
        safe_at REAL,
        unsafe_since REAL,
        told_at REAL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE queue (
        repository TEXT NOT NULL,
        remote TEXT NOT NULL,
        branch TEXT NOT NULL,
        head TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'stopped', 'cancelled')),
        tries INTEGER NOT NULL,
        queued_at REAL NOT NULL,
        error TEXT,
        PRIMARY KEY (repository, remote, branch)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE sent (
        repository TEXT NOT NULL,
        remote TEXT NOT NULL,
        branch TEXT NOT NULL,
        head TEXT NOT NULL,
        PRIMARY KEY (repository, remote, branch)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE pushes (
        id INTEGER PRIMARY KEY,
        repository TEXT NOT NULL,
        remote TEXT NOT NULL,
        url TEXT NOT NULL,
        branch TEXT NOT NULL,
        head TEXT NOT NULL,
        previous_head TEXT,
        result TEXT NOT NULL CHECK (result IN ('done', 'up_to_date', 'failed', 'cancelled')),
        started_at REAL NOT NULL,
        ended_at REAL NOT NULL,
        total_s REAL NOT NULL,
        strategy TEXT,
        push_id TEXT,
        bundle_id TEXT,
        commits INTEGER NOT NULL,
        snapshots INTEGER NOT NULL,
        objects INTEGER NOT NULL,
        raw_bytes INTEGER NOT NULL,
        wire_bytes INTEGER NOT NULL,
        error TEXT,
        slower TEXT,
        tries INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX pushes_by_repository ON pushes (repository, id)",
    "CREATE INDEX pushes_by_end ON pushes (ended_at)",
    """
    CREATE TABLE phases (
        push INTEGER NOT NULL REFERENCES pushes ON DELETE CASCADE,
        name TEXT NOT NULL,
        ok INTEGER NOT NULL,
        began_s REAL NOT NULL,
        seconds REAL NOT NULL,
        detail TEXT NOT NULL,
        PRIMARY KEY (push, name)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY,
        repository TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('desktop', 'command', 'webhook')),
        event TEXT NOT NULL,
        target TEXT NOT NULL,
        document TEXT NOT NULL,
        at REAL NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
        tries INTEGER NOT NULL,
        due_at REAL NOT NULL,
        answer TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX deliveries_by_time ON deliveries (at)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
"""Step n brings a database from version n - 1 to n; the version is ``PRAGMA user_version``."""
