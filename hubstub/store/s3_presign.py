"""Presigned URLs of S3 (signature version 4 in the query), with headers that the store then requires.

obstore presigns URLs but no headers, so botocore's signer does this one thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from .s3_settings import Credential, S3Settings


class Presigner:
    """Signs for one credential and one endpoint, which must be what clients call the store."""

    def __init__(self, settings: S3Settings, endpoint: str, credential: Credential) -> None:
        from botocore.credentials import ReadOnlyCredentials

        self._base_url = settings.bucket_url(endpoint)
        self._prefix = settings.prefix
        self._region = settings.region
        self._credential = ReadOnlyCredentials(credential.access_key, credential.secret_key, None)

    def sign(self, method: str, key: str, ttl_s: int, headers: Mapping[str, str] | None = None) -> str:
        """A URL for one method on one key, good for ``ttl_s``; each of ``headers`` must come with exactly its value."""
        from botocore.auth import S3SigV4QueryAuth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method, f"{self._base_url}/{quote(self._prefix + key)}", headers=dict(headers or {}))
        S3SigV4QueryAuth(self._credential, "s3", self._region, expires=ttl_s).add_auth(request)
        return str(request.url)
