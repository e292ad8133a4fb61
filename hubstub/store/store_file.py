"""``hub.toml`` in the hub's folder: its store and database, and the keys to them. For its owner's eyes alone."""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from museui.core.errors import Usage

from .s3_settings import Credential, S3Settings

NAME = "hub.toml"
TABLE = "store"
DATABASE_TABLE = "database"
TEXT_FIELDS = (
    "url",
    "endpoint",
    "public_endpoint",
    "region",
    "ca",
    "access_key",
    "secret_key",
    "staging_access_key",
    "staging_secret_key",
    "reading_access_key",
    "reading_secret_key",
)
FLAGS = ("virtual_host",)


def read_store_table(path: Path) -> dict[str, Any]:
    """What the file says about the store; nothing when there is no file.

    Raises :class:`Usage` for a file that others may read, or that says what the hub does not understand.
    """
    table, others_may_read = _read_table(path, TABLE, TEXT_FIELDS, FLAGS)
    if others_may_read and any(name.endswith("secret_key") for name in table):
        raise Usage(f"others may read {str(path)!r}, which holds secret keys", hint=f"Do: chmod 600 {path}")
    return table


def read_file_database(path: Path) -> str | None:
    """Where the database is, if the file says so: ``url`` in ``[database]``. Raises as :func:`read_store_table`."""
    table, others_may_read = _read_table(path, DATABASE_TABLE, ("url",), ())
    url: str | None = table.get("url")
    if url and others_may_read and "@" in url and ":" in url.partition("://")[2].rpartition("@")[0]:
        raise Usage(f"others may read {str(path)!r}, which holds a password", hint=f"Do: chmod 600 {path}")
    return url


def read_options_table(path: Path, name: str) -> dict[str, Any]:
    """The table ``name`` of the file as it is; nothing when there is none. Raises as :func:`read_store_table`."""
    return _load_table(path, name)[0]


def _read_table(path: Path, name: str, texts: Sequence[str], flags: Sequence[str]) -> tuple[dict[str, Any], bool]:
    """The table ``name`` of the file, whose keys are known and whose values are of their types; nothing is no table.

    And whether others than its owner may read the file.
    """
    table, others_may_read = _load_table(path, name)
    for key, value in table.items():
        if key not in (*texts, *flags):
            raise Usage(f"{str(path)!r}: nobody knows '{key}' in [{name}]", hint=f"Known: {', '.join(texts)}")
        if not isinstance(value, bool if key in flags else str):
            raise Usage(f"{str(path)!r}: '{key}' in [{name}] has a value of the wrong type")
    return table, others_may_read


def _load_table(path: Path, name: str) -> tuple[dict[str, Any], bool]:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            document = tomllib.loads(file.read().decode("utf-8-sig"))
    except FileNotFoundError:
        return {}, False
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise Usage(f"cannot read {str(path)!r}: {exc}") from exc
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise Usage(f"{str(path)!r}: '{name}' is not a table")
    return table, bool(mode & 0o077)


def credential_of(fields: Mapping[str, Any], prefix: str) -> Credential | None:
    """The key called ``prefix`` + ``access_key``, when both halves are there."""
    access_key, secret_key = fields.get(prefix + "access_key"), fields.get(prefix + "secret_key")
    return Credential(access_key, secret_key) if access_key and secret_key else None


def write_store_table(path: Path, settings: S3Settings) -> None:
    """Put the store into the file, and leave the rest of the file, its owner and its owner's mode as they are.

    It holds secret keys now: nobody else may read it, from its first byte. Raises :class:`Usage` when that cannot be.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = path.resolve()  # it may be a link to where people keep their settings
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        document = tomlkit.parse(path.read_text("utf-8-sig")) if path.exists() else tomlkit.document()
        document[TABLE] = _table_of(settings)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                if path.exists():
                    _keep_owner(file.fileno(), path.stat())
                file.write(tomlkit.dumps(document))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, UnicodeDecodeError, TOMLKitError) as exc:
        raise Usage(f"cannot write {str(path)!r}: {exc}") from exc


def _keep_owner(descriptor: int, former: os.stat_result) -> None:
    os.fchmod(descriptor, former.st_mode & 0o700)
    with suppress(OSError):  # who may not give it away keeps it
        os.fchown(descriptor, former.st_uid, former.st_gid)


def _table_of(settings: S3Settings) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "url": f"s3://{settings.bucket}/{settings.prefix}".rstrip("/"),
        "endpoint": settings.endpoint,
        "public_endpoint": settings.public_endpoint,
        "region": settings.region,
        "ca": str(settings.ca_file) if settings.ca_file else None,
        "virtual_host": settings.virtual_host or None,
        "access_key": settings.credential.access_key,
        "secret_key": settings.credential.secret_key,
        "staging_access_key": settings.staging.access_key,
        "staging_secret_key": settings.staging.secret_key,
    }
    if settings.reading is not None:
        fields["reading_access_key"] = settings.reading.access_key
        fields["reading_secret_key"] = settings.reading.secret_key
    return {name: value for name, value in fields.items() if value is not None}
