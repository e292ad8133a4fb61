"""The hub's tables, the same on SQLite and PostgreSQL.

Ids (commits, snapshots, objects, bundles) are stored as their 32 bytes; times are Unix seconds (float).
A snapshot or commit record lives in a *chunk*: many records of one push, msgpack, compressed together with zstd,
because manifests repeat themselves.  An object lies either under its own key in the object store or, until the
promotion job has moved it there, at ``raw_offset`` of the uncompressed stream of a stored bundle.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
)

metadata = MetaData()

_BIG = Integer().with_variant(BigInteger(), "postgresql")

users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("quota_bytes", _BIG),  # for all of their repositories together; null: the hub's own limit
    Column("created_at", Float, nullable=False),
    Column("removed_at", Float),  # the row stays: history names them, and nobody else is ever to have the name
)

Index("users_by_lower_name", func.lower(users.c.name), unique=True)  # names that differ in case alone are the same

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(16), primary_key=True),  # the public half of the token
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),  # sha256 of the secret half
    Column("scope", String(10), nullable=False),  # read | write | admin
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE")),  # null: all of the user's
    Column("label", Text, nullable=False, server_default=""),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
)

repositories = Table(
    "repositories",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("public_id", String(36), nullable=False, unique=True),  # the repo_id that `GET refs` shows
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("slug", String(100), nullable=False),
    Column("visibility", String(10), nullable=False),  # private | public
    Column("domain", Text, nullable=False, server_default=""),
    Column("default_branch", String(255)),
    Column("signing_policy", String(10), nullable=False, server_default="valid"),  # off | valid | trusted
    Column("quota_bytes", _BIG),  # null: the hub's own limit
    Column("stored_bytes", _BIG, nullable=False, server_default="0"),  # of all objects that are its members
    Column("losses", Integer, nullable=False, server_default="0"),  # how often a collection or a repair took from it
    Column("created_at", Float, nullable=False),
    UniqueConstraint("owner_id", "slug"),
    sqlite_autoincrement=True,  # a push that is under way must never meet another repository under its number
)

Index("repositories_by_lower_slug", repositories.c.owner_id, func.lower(repositories.c.slug), unique=True)

collaborators = Table(
    "collaborators",
    metadata,
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("access", String(10), nullable=False),  # read | write | admin
    Column("created_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("collaborators_by_user", collaborators.c.user_id)

protected_branches = Table(
    "protected_branches",
    metadata,
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("pattern", String(255), primary_key=True),  # a name, or one with * in it
    Column("allows_force", Boolean, nullable=False),
    Column("signed_only", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("public_key", LargeBinary(32), primary_key=True),  # Ed25519
    Column("label", Text, nullable=False, server_default=""),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
    sqlite_with_rowid=False,
)
Index("signing_keys_by_key", signing_keys.c.public_key)

sessions = Table(
    "sessions",  # people who signed in to the pages
    metadata,
    Column("id_hash", LargeBinary(32), primary_key=True),  # sha256 of what the cookie holds
    Column("token_id", ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

branches = Table(
    "branches",
    metadata,
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("head", LargeBinary(32), nullable=False),
    Column("updated_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

chunks = Table(
    "chunks",
    metadata,
    Column("id", String(32), primary_key=True),  # random
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
    Column("raw_bytes", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),  # one zstd frame of concatenated msgpack records (bare hex ids)
)
Index("chunks_by_repository", chunks.c.repository_id)

commits = Table(
    "commits",
    metadata,
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("id", LargeBinary(32), primary_key=True),
    Column("generation", Integer, nullable=False),  # 1 for a root, else 1 + the highest parent's
    Column("parents", LargeBinary, nullable=False),  # 32 bytes each
    Column("snapshot_id", LargeBinary(32), nullable=False),
    Column("chunk_id", String(32), nullable=False),
    Column("chunk_offset", Integer, nullable=False),
    Column("chunk_size", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("commits_by_generation", commits.c.repository_id, commits.c.generation)

snapshots = Table(
    "snapshots",
    metadata,
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("id", LargeBinary(32), primary_key=True),
    Column("chunk_id", String(32), nullable=False),
    Column("chunk_offset", Integer, nullable=False),
    Column("chunk_size", Integer, nullable=False),
    sqlite_with_rowid=False,
)

bundles = Table(
    "bundles",
    metadata,
    Column("id", String(32), primary_key=True),  # random; the object-store key is bundles/<id>
    Column("bundle_id", LargeBinary(32), nullable=False),
    Column("size_bytes", _BIG, nullable=False),
    Column("frames", LargeBinary, nullable=False),  # museui.core.frames.FrameTable.encode(); empty: not compressed
    Column("created_at", Float, nullable=False),
)

objects = Table(
    "objects",
    metadata,
    Column("id", LargeBinary(32), primary_key=True),
    Column("size_bytes", _BIG, nullable=False),
    Column("bundle", ForeignKey("bundles.id")),  # null: under its own key, objects/<hex>
    Column("raw_offset", _BIG),
    sqlite_with_rowid=False,
)
Index("objects_by_bundle", objects.c.bundle, objects.c.raw_offset)

repository_objects = Table(
    "repository_objects",
    metadata,
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("object_id", LargeBinary(32), primary_key=True),
    sqlite_with_rowid=False,
)
Index("repository_objects_by_object", repository_objects.c.object_id)

pending_objects = Table(
    "pending_objects",  # verified and stored for one user's next push to one repository, a member of none yet
    metadata,
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("object_id", LargeBinary(32), primary_key=True),
    Column("expires_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("pending_objects_by_object", pending_objects.c.object_id)
Index("pending_objects_by_expiry", pending_objects.c.expires_at)

expected_objects = Table(
    "expected_objects",  # what may arrive in the staging area as single objects, where a quota is to bound it
    metadata,
    Column("repository", String(201), primary_key=True),  # owner/slug, which need not exist yet
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("object_id", LargeBinary(32), primary_key=True),
    Column("owner_id", Integer, nullable=False),  # whose quota it is
    Column("size_bytes", _BIG, nullable=False),
    Column("expires_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Index("expected_objects_by_owner", expected_objects.c.owner_id)

tags = Table(
    "tags",
    metadata,
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String(64), primary_key=True),  # the client's tag_id
    Column("name", Text, nullable=False),
    Column("commit_id", LargeBinary(32), nullable=False),
    Column("record", Text, nullable=False),  # JSON, as it came
    Column("created_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

releases = Table(
    "releases",
    metadata,
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(255), primary_key=True),
    Column("channel", String(100), nullable=False, server_default=""),
    Column("is_draft", Boolean, nullable=False),
    Column("commit_id", LargeBinary(32)),
    Column("record", Text, nullable=False),  # JSON, as it came
    Column("created_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),  # random; the staging key is staging/<id>
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("bundle_id", LargeBinary(32), nullable=False),
    Column("size_bytes", _BIG, nullable=False),
    Column("raw_bytes", _BIG),  # what presign declared, null when it did not
    Column("state", String(10), nullable=False),  # open | confirmed
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("push_id", ForeignKey("pushes.id", ondelete="SET NULL")),  # the push that confirmed it
)
Index("uploads_by_bundle", uploads.c.repository_id, uploads.c.user_id, uploads.c.bundle_id)

Index("uploads_by_push", uploads.c.push_id)

pushes = Table(
    "pushes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("repository_id", ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("branch", String(255), nullable=False),
    Column("head", LargeBinary(32), nullable=False),
    Column("previous_head", LargeBinary(32)),
    Column("forced", Boolean, nullable=False),
    Column("strategy", String(10), nullable=False),  # bundle | stream | unpack | objects
    Column("bundle_id", LargeBinary(32)),
    Column("wire_bytes", _BIG, nullable=False),
    Column("answer", Text, nullable=False),  # JSON of museui.core.wire.PushAnswer, `promotion` aside
    Column("bundle", String(32)),  # bundles.id while the promotion job has not ended
    Column("created_at", Float, nullable=False),
)
Index("pushes_by_repository", pushes.c.repository_id, pushes.c.created_at)

ref_moves = Table(
    "ref_moves",  # the audit log; it outlives what it speaks of, so names stand in it as they were
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("repository_id", Integer, nullable=False),
    Column("repository", Text, nullable=False),  # owner/slug
    Column("user", Text, nullable=False),
    Column("token_id", String(16)),
    Column("request_id", Text, nullable=False, server_default=""),
    Column("branch", String(255), nullable=False),
    Column("old_head", LargeBinary(32)),
    Column("new_head", LargeBinary(32)),
    Column("forced", Boolean, nullable=False),
    Column("push_id", String(32)),
    Column("created_at", Float, nullable=False),
    sqlite_autoincrement=True,
)
Index("ref_moves_by_repository", ref_moves.c.repository_id, ref_moves.c.id)
Index(
    "ref_moves_by_force",  # also deletions
    ref_moves.c.repository,
    ref_moves.c.repository_id,
    ref_moves.c.id,
    sqlite_where=ref_moves.c.forced,
    postgresql_where=ref_moves.c.forced,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(40), nullable=False),  # bundle.index, objects.gc, objects.scrub
    Column("subject", Text, nullable=False),  # what it is about: a bundles.id
    Column("state", String(10), nullable=False),  # waiting | running | failed
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("run_after", Float, nullable=False),
    Column("leased_until", Float),
    Column("worker", String(32)),  # who holds the lease; random for each process
    Column("progress", Text),  # JSON of the kind's own: where to go on after a kill
    Column("error", Text),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("kind", "subject"),
)

garbage = Table(
    "garbage",  # what no reference had when a collection looked; taken when that stayed so for the grace period
    metadata,
    Column("kind", String(10), primary_key=True),  # object | commit | doomed (maintenance/deletions.py)
    Column("repository_id", Integer, primary_key=True),  # 0 for what belongs to none
    Column("subject", String(64), primary_key=True),  # hex id
    Column("since", Float, nullable=False),
    sqlite_with_rowid=False,
)

damage = Table(
    "damage",  # what fsck or the scrub job found, until it is repaired
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("subject", String(200), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("found_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

settings = Table(
    "settings",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)
