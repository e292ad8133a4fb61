"""``museui hub minio-setup``: bucket, users and policies on a MinIO server, and their keys into ``hub.toml``."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from museui.core.errors import Usage

from ..folder import command
from .options import data_option, json_option, print_json
from .store_options import gather_store_fields, store_options, take_store_options

ROOT_USER, ROOT_PASSWORD = "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"


@click.command("minio-setup")
@data_option
@store_options
@click.option("--print", "only_print", is_flag=True, help="Print the policies, as JSON, and do nothing.")
@json_option
def minio_setup(data_dir: Path, only_print: bool, as_json: bool, **options: Any) -> None:
    """Make what the hub needs on a MinIO server.

    A bucket; a user for the hub's own work; one that can do nothing but put into staging/, whose key is in upload
    URLs; one that can do nothing but read objects/, whose key is in download URLs. Their keys go into hub.toml in the
    hub's folder, where 'serve' finds them. MINIO_ROOT_USER and MINIO_ROOT_PASSWORD say who does it. Run it again to
    mend what is there; the keys stay.
    """
    from ..store.minio_setup import ROLES, policies, set_up_bucket
    from ..store.s3_settings import DEFAULT_REGION, Credential, parse_endpoint, parse_store
    from ..store.store_file import NAME, credential_of, write_store_table
    from ..store_choice import require_s3_packages

    fields = gather_store_fields(data_dir, take_store_options(options))
    bucket, prefix = parse_store(fields.get("url") or "s3://museui")
    if only_print:
        click.echo(json.dumps(policies(bucket, prefix)))  # as MinIO takes them
        return
    if not fields.get("endpoint"):
        raise Usage("which MinIO?", hint="Write --s3-endpoint http://127.0.0.1:9000")
    endpoint = parse_endpoint(fields["endpoint"], "--s3-endpoint")
    public = fields.get("public_endpoint")
    user, password = os.environ.get(ROOT_USER), os.environ.get(ROOT_PASSWORD)
    if not user or not password:
        raise Usage("who sets it up?", hint=f"Set {ROOT_USER} and {ROOT_PASSWORD} to MinIO's root user.")
    require_s3_packages()
    from ..folder import create_data_folder

    create_data_folder(data_dir)
    prefixes = dict(zip(ROLES, ("", "staging_", "reading_"), strict=True))
    settings = set_up_bucket(
        endpoint,
        Credential(user, password),
        bucket,
        prefix,
        known={role: key for role in ROLES if (key := credential_of(fields, prefixes[role]))},
        region=fields.get("region") or DEFAULT_REGION,
        ca_file=Path(fields["ca"]).expanduser() if fields.get("ca") else None,
    )
    settings = replace(
        settings,
        public_endpoint=parse_endpoint(public, "--s3-public-endpoint") if public else None,
        virtual_host=bool(fields.get("virtual_host")),
    )
    path = data_dir / NAME
    write_store_table(path, settings)
    if as_json:
        print_json({"bucket": bucket, "prefix": prefix, "endpoint": endpoint, "config": str(path)})
    else:
        click.echo(
            f"Bucket {bucket} is ready; its keys are in {path}. Start the hub with: {command('serve', data_dir)}"
        )
