"""What the hub needs on a MinIO server: a bucket, and three users who may do no more than their part there.

Every presigned URL tells its access key, and there are MinIO versions on which whoever knows a key's name can write
what that key may write; so the keys that URLs name can put into ``staging/`` or read ``objects/``, and nothing else.
"""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from museui.core.errors import Unavailable, Usage

from .keys import OBJECTS, STAGING
from .s3_settings import DEFAULT_REGION, Credential, S3Settings

if TYPE_CHECKING:
    from urllib3 import PoolManager

ROLES = ("hub", "staging", "reading")
_TIMEOUT_S = 30.0
_SECRET_BYTES = 20
_POLICY_TRIES = 5
_POLICY_PAUSE_S = 0.5
"""A MinIO that has just started loads what it knows of users once more, and forgets a policy that came meanwhile."""


def policies(bucket: str, prefix: str) -> dict[str, dict[str, Any]]:
    """What each role may do: role → policy document."""
    inside = f"arn:aws:s3:::{bucket}/{prefix}"
    hub = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    return {
        "hub": _policy(
            (hub, inside + "*"),
            (["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"], f"arn:aws:s3:::{bucket}"),
        ),
        "staging": _policy((["s3:PutObject"], f"{inside}{STAGING}*")),
        "reading": _policy((["s3:GetObject"], f"{inside}{OBJECTS}*")),
    }


def _policy(*allowed: tuple[list[str], str]) -> dict[str, Any]:
    statements = [{"Effect": "Allow", "Action": actions, "Resource": [resource]} for actions, resource in allowed]
    return {"Version": "2012-10-17", "Statement": statements}


def new_credential(role: str) -> Credential:
    """A random key whose name says whose it is."""
    return Credential(f"museui-{role}-{secrets.token_hex(4)}", secrets.token_urlsafe(_SECRET_BYTES))


def set_up_bucket(
    endpoint: str,
    root: Credential,
    bucket: str,
    prefix: str = "",
    *,
    known: dict[str, Credential] | None = None,
    region: str = DEFAULT_REGION,
    ca_file: Path | None = None,
) -> S3Settings:
    """Make or mend the bucket, the users and their policies; the settings of a hub that uses them.

    ``known``: the keys that an earlier run made, by role; they stay.  Raises :class:`Usage` when the server refuses,
    :class:`Unavailable` when it does not answer.
    """
    import urllib3
    from minio import Minio, MinioAdmin
    from minio.credentials.providers import StaticProvider
    from minio.error import MinioAdminException, MinioException

    credentials = {role: (known or {}).get(role) or new_credential(role) for role in ROLES}
    scheme, _, host = endpoint.partition("://")
    provider = StaticProvider(root.access_key, root.secret_key)
    pool = _pool(ca_file)
    secure = scheme == "https"
    try:
        client = Minio(host, credentials=provider, region=region, secure=secure, http_client=pool)
        admin = MinioAdmin(endpoint=host, credentials=provider, region=region, secure=secure, http_client=pool)
        if not client.bucket_exists(bucket):
            client.make_bucket(bucket)
        for role, policy in policies(bucket, prefix).items():
            name = "-".join(["museui", bucket, *prefix.strip("/").split("/"), role])
            for left in reversed(range(_POLICY_TRIES)):
                try:
                    admin.policy_add(name, policy=policy)
                    admin.user_add(credentials[role].access_key, credentials[role].secret_key)
                    admin.policy_set(name, user=credentials[role].access_key)
                    break
                except MinioAdminException as exc:
                    if not left or "NoSuchPolicy" not in str(getattr(exc, "_body", exc)):
                        raise
                    time.sleep(_POLICY_PAUSE_S)
    except (MinioAdminException, MinioException, ValueError) as exc:
        raise Usage(f"MinIO at {endpoint} refused: {_reason(exc)}", hint="Is this its root user?") from exc
    except (urllib3.exceptions.HTTPError, OSError) as exc:
        raise Unavailable(f"MinIO at {endpoint} does not answer: {type(exc).__name__}", hint="Is it running?") from exc
    finally:
        pool.clear()
    return S3Settings(
        bucket=bucket,
        prefix=prefix,
        endpoint=endpoint,
        credential=credentials["hub"],
        staging=credentials["staging"],
        reading=credentials["reading"],
        region=region,
        ca_file=ca_file,
    )


def _pool(ca_file: Path | None) -> PoolManager:
    import certifi
    import urllib3

    timeout = urllib3.Timeout(connect=_TIMEOUT_S, read=_TIMEOUT_S)
    # A MinIO that has just started answers 503 for a moment, until it knows its users.
    retries = urllib3.Retry(
        total=8, connect=2, backoff_factor=0.1, status_forcelist=[503], allowed_methods=None, raise_on_status=False
    )
    ca_certs = str(ca_file) if ca_file else certifi.where()
    return urllib3.PoolManager(timeout=timeout, retries=retries, ca_certs=ca_certs)


def _reason(exc: Exception) -> str:
    """The server's own words."""
    text = str(getattr(exc, "_body", "") or exc)
    try:
        return str(json.loads(text)["Message"])
    except (ValueError, KeyError, TypeError):
        return text.strip().splitlines()[0][:200] if text.strip() else type(exc).__name__
