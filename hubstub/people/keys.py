"""Enrolled keys: whose key it is that signed a commit. A key that was revoked is never taken again for new commits."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from museui.core.errors import BadSignature, Invalid, NotFound
from museui.core.names import check_line
from museui.core.signatures import check_public_key, decode_key, encode_key, key_id

from ..index.locks import lock_user
from ..index.schema import collaborators, signing_keys, users
from .repositories import RepositoryRow


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as lists show it. ``public_key`` is spelled ``ed25519:…``; times are Unix seconds."""

    user: str
    public_key: str
    key_id: str
    label: str
    created_at: float
    revoked_at: float | None


def parse_public_key(text: str) -> bytes:
    """The 32 bytes of ``ed25519:…``. Raises :class:`Invalid` for what is no such key, or a weak one."""
    try:
        raw = decode_key(text, 32, "public key")
        check_public_key(raw)
    except BadSignature as exc:
        raise Invalid(
            exc.message, hint="'museui keys show' prints the public key.", details={"field": "public_key"}
        ) from exc
    return raw


async def enrol_key(connection: AsyncConnection, user_id: int, public_key: bytes, label: str, now: float) -> KeyRow:
    """The key is the user's from now on; one that is enrolled already stays as it is.

    Raises :class:`Invalid` for one that was revoked, and for a label that is not a line.
    """
    check_line(label, "label")
    await lock_user(connection, user_id)
    known = await _find(connection, user_id, public_key)
    if known is None:
        await connection.execute(
            insert(signing_keys).values(user_id=user_id, public_key=public_key, label=label, created_at=now)
        )
        known = await _find(connection, user_id, public_key)
    assert known is not None
    if known.revoked_at is not None:
        raise Invalid(
            "the key was revoked", hint="Make a new one: 'museui keys generate'.", details={"rule": "revoked"}
        )
    return _key_row(known)


async def revoke_key(connection: AsyncConnection, user_id: int, which: str, now: float) -> None:
    """Take a key, named by its id, for no new commit any more. Raises :class:`NotFound`; twice keeps the first time."""
    rows = await connection.execute(_select().where(signing_keys.c.user_id == user_id))
    found = [row.public_key for row in rows if key_id(row.public_key) == which]
    if not found:
        raise NotFound(f"there is no such key: {which!r:.80}", hint="It is named by its id, 16 hex digits.")
    await connection.execute(
        update(signing_keys)
        .where(
            signing_keys.c.user_id == user_id,
            signing_keys.c.public_key.in_(found),
            signing_keys.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )


async def list_keys(connection: AsyncConnection, user: str | None = None) -> list[KeyRow]:
    """Every key, or one user's, oldest first."""
    query = _select().order_by(signing_keys.c.created_at, users.c.name)
    if user is not None:
        query = query.where(users.c.name == user)
    return [_key_row(row) for row in await connection.execute(query)]


async def read_trusted_keys(connection: AsyncConnection, repository: RepositoryRow) -> set[str]:
    """The keys, spelled ``ed25519:…``, that were enrolled and not revoked by those who may write."""
    writers = select(collaborators.c.user_id).where(
        collaborators.c.repository_id == repository.id, collaborators.c.access.in_(("write", "admin"))
    )
    query = select(signing_keys.c.public_key).where(
        signing_keys.c.revoked_at.is_(None),
        or_(signing_keys.c.user_id == repository.owner_id, signing_keys.c.user_id.in_(writers)),
    )
    return {encode_key(raw) for raw in (await connection.execute(query)).scalars()}


async def find_key_owners(connection: AsyncConnection, keys: Collection[bytes]) -> dict[bytes, str]:
    """Those of the public ``keys`` that are enrolled, each with the name of the user who was first."""
    query = _select().where(signing_keys.c.public_key.in_(keys), signing_keys.c.revoked_at.is_(None))
    rows = await connection.execute(query.order_by(signing_keys.c.created_at.desc()))
    return {row.public_key: row.name for row in rows}


async def _find(connection: AsyncConnection, user_id: int, public_key: bytes) -> Row[*tuple[Any, ...]] | None:
    query = _select().where(signing_keys.c.user_id == user_id, signing_keys.c.public_key == public_key)
    return (await connection.execute(query)).one_or_none()


def _select() -> Any:
    return select(signing_keys, users.c.name).join(users, users.c.id == signing_keys.c.user_id)


def _key_row(row: Row[*tuple[Any, ...]]) -> KeyRow:
    raw: bytes = row.public_key
    return KeyRow(row.name, encode_key(raw), key_id(raw), row.label, row.created_at, row.revoked_at)
