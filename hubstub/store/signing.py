"""Presigned URLs of the embedded store: HMAC-SHA-256 over everything that such a URL allows.

A URL is good for one method on one key until one moment; one for a PUT also for one length and one digest.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

from museui.core.errors import Denied, UploadExpired
from museui.core.ids import is_hex_id

from .keys import OBJECT_UPLOAD, UploadSpec, object_key, staging_key


class UrlSigner:
    """Signs and checks the queries of presigned URLs with a secret that never leaves the hub."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def name_uploads(self, repository: str, user_id: int) -> str:
        """What the names of this user's uploads of single objects for this repository begin with; nobody can guess it.

        So the index needs no row for each of thousands of uploads.
        """
        whose = hmac.digest(self._secret, f"uploads\n{repository}\n{user_id}".encode(), hashlib.sha256).hex()
        return f"{OBJECT_UPLOAD}{whose[:32]}-"

    def sign_put(self, upload: UploadSpec) -> str:
        """The query that allows ``upload``."""
        size = "" if upload.size_bytes is None else str(upload.size_bytes)
        fields = {"expires": str(upload.expires_at), "size": size, "sha256": upload.sha256}
        if upload.put_headers:
            fields["headers"] = "1"
        if upload.present:
            fields["present"] = "1"
        return urlencode({**fields, "signature": self._sign("PUT", staging_key(upload.upload_id), fields)})

    def check_put(self, upload_id: str, query: Mapping[str, str], now: float) -> UploadSpec:
        """The upload that a PUT with ``query`` may make.

        Raises :class:`Denied` when it was not signed here, :class:`UploadExpired` when its time is over.
        """
        fields = {name: query.get(name, "") for name in ("expires", "size", "sha256")}
        fields.update((name, query[name]) for name in ("headers", "present") if name in query)
        self._check("PUT", staging_key(upload_id), fields, query.get("signature", ""))
        spec = UploadSpec(
            upload_id=upload_id,
            size_bytes=int(fields["size"]) if fields["size"] else None,
            sha256=fields["sha256"],
            expires_at=int(fields["expires"]),
            put_headers=fields.get("headers") == "1",
            present=fields.get("present") == "1",
        )
        if now >= spec.expires_at:
            raise UploadExpired("the presigned URL has expired", hint="Presign again.")
        return spec

    def sign_get(self, object_id: str, expires_at: int, reader: str) -> str:
        """The query that allows to read an object (bare hex) until ``expires_at`` (Unix seconds).

        ``reader``: on whose behalf, and out of what; whoever takes the URL looks whether that still may be.
        """
        fields = {"expires": str(expires_at), "reader": reader}
        return urlencode({**fields, "signature": self._sign("GET", object_key(object_id), fields)})

    def find_reader(self, object_id: str, query: Mapping[str, str], now: float) -> str | None:
        """For whom ``query`` allows to read the object now, None when it does not."""
        fields = {"expires": query.get("expires", ""), "reader": query.get("reader", "")}
        try:
            self._check("GET", object_key(object_id), fields, query.get("signature", ""))
        except Denied:
            return None
        return fields["reader"] if now < int(fields["expires"]) else None

    def _sign(self, method: str, key: str, fields: Mapping[str, str]) -> str:
        text = f"{method}\n{key}\n{urlencode(sorted(fields.items()))}"
        return hmac.digest(self._secret, text.encode(), hashlib.sha256).hex()

    def _check(self, method: str, key: str, fields: Mapping[str, str], signature: str) -> None:
        expected = self._sign(method, key, fields)
        if not is_hex_id(signature) or not hmac.compare_digest(expected, signature):
            raise Denied("the URL is not one that this hub signed", hint="Use a presigned URL exactly as it was given.")
