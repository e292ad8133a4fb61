"""Single objects in the staging area: what they are called there, and which have arrived.

Their names say whose they are and which object, so they need no rows; another user, or another repository, has other
names, and so finds nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from museui.core.ids import ObjectId

from ...store.base import ObjectStore
from ...store.keys import Entry, staging_key


class StagedObjects:
    """The objects that one user sent for their next push to one repository."""

    def __init__(self, store: ObjectStore, repository: str, user_id: int) -> None:
        """``repository``: ``owner/slug``, which need not exist yet."""
        self._store = store
        self._prefix = store.signer.name_uploads(repository, user_id)

    def upload_id(self, object_id: ObjectId) -> str:
        """What an object's upload is called."""
        return self._prefix + object_id

    async def find(self, ids: Collection[ObjectId]) -> dict[ObjectId, Entry]:
        """Those of ``ids`` that have arrived, whatever bytes they are. Cheap when ``ids`` are neighbours."""
        found: dict[ObjectId, Entry] = {}
        if not ids:
            return found
        wanted = set(ids)
        prefix = staging_key(self._prefix)
        first, last = (staging_key(self.upload_id(item)) for item in (min(wanted), max(wanted)))
        async for entry in self._store.list(prefix, first, last):
            object_id = ObjectId(entry.key.removeprefix(prefix))
            if object_id in wanted:
                found[object_id] = entry
        return found
