"""Options of the object store. Secret keys are no options: they come from the environment or from ``hub.toml``.

An option goes before its environment variable, and that before the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from museui.core.errors import Usage

if TYPE_CHECKING:
    from ..store.s3_settings import Credential, S3Settings

F = TypeVar("F", bound=Callable[..., Any])

ENVIRONMENT = "MUSEUI_S3_"
_TEXTS = {
    "url": ("--store", "s3://BUCKET[/PREFIX]", "Keep objects in this bucket instead of the hub's folder."),
    "endpoint": ("--s3-endpoint", "URL", "Where the hub reaches the store."),
    "public_endpoint": ("--s3-public-endpoint", "URL", "Where clients reach it, when that is another address."),
    "region": ("--s3-region", "NAME", "The store's region.  [default: us-east-1]"),
    "ca": ("--s3-ca", "FILE", "Certificates (PEM) to trust besides the usual ones."),
}


def store_options(function: F) -> F:
    """``--store`` and ``--s3-…``; they arrive as keywords ``store_…``."""
    virtual = click.option(
        "--s3-virtual-host/--s3-path-style",
        "store_virtual_host",
        default=None,
        envvar=ENVIRONMENT + "VIRTUAL_HOST",
        help="Whether the bucket is part of the store's host name.  [default: of the path]",
    )
    function = virtual(function)
    for name, (flag, metavar, words) in reversed(_TEXTS.items()):
        variable = "MUSEUI_HUB_STORE" if name == "url" else ENVIRONMENT + name.upper()
        function = click.option(flag, f"store_{name}", metavar=metavar, envvar=variable, help=words)(function)
    return function


def take_store_options(options: dict[str, Any]) -> dict[str, Any]:
    """Those of ``options`` that :func:`store_options` made and that were given, taken out of it."""
    taken = {name: options.pop(name) for name in list(options) if name.startswith("store_")}
    return {name.removeprefix("store_"): value for name, value in taken.items() if value is not None}


def gather_store_fields(data_dir: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """What options, environment and ``hub.toml`` together say about the store; nothing when none names one.

    Raises :class:`Usage` for a file that will not do.
    """
    from ..store.store_file import NAME, TEXT_FIELDS, read_store_table

    keys = [name for name in TEXT_FIELDS if name.endswith("_key")]
    environment = {name: os.environ[_variable(name)] for name in keys if os.environ.get(_variable(name))}
    return {**read_store_table(data_dir / NAME), **environment, **given}


def read_store_settings(data_dir: Path, given: Mapping[str, Any]) -> S3Settings | None:
    """The store the hub shall use, None for the embedded one. Raises :class:`Usage` when something is missing."""
    from ..store.s3_settings import DEFAULT_REGION, S3Settings, parse_endpoint, parse_store
    from ..store.store_file import credential_of

    fields = gather_store_fields(data_dir, given)
    if not fields.get("url"):
        if given:
            raise Usage("the store has no name", hint="Write --store s3://bucket as well.")
        return None
    bucket, prefix = parse_store(fields["url"])
    if not fields.get("endpoint"):
        raise Usage("the store has no address", hint="Write --s3-endpoint http://127.0.0.1:9000")
    public = fields.get("public_endpoint")
    return S3Settings(
        bucket=bucket,
        prefix=prefix,
        endpoint=parse_endpoint(fields["endpoint"], "--s3-endpoint"),
        credential=_required(credential_of(fields, ""), ""),
        staging=_required(credential_of(fields, "staging_"), "staging_"),
        reading=credential_of(fields, "reading_"),
        public_endpoint=parse_endpoint(public, "--s3-public-endpoint") if public else None,
        region=fields.get("region") or DEFAULT_REGION,
        ca_file=Path(fields["ca"]).expanduser() if fields.get("ca") else None,
        virtual_host=bool(fields.get("virtual_host")),
    )


def _variable(name: str) -> str:
    return ENVIRONMENT + name.upper()


def _required(credential: Credential | None, prefix: str) -> Credential:
    if credential is None:
        names = f"{_variable(prefix + 'access_key')} and {_variable(prefix + 'secret_key')}"
        raise Usage(
            f"the store's {'staging ' if prefix else ''}key is missing",
            hint=f"Set {names}, or run 'museui hub minio-setup', which writes them into hub.toml.",
        )
    return credential
