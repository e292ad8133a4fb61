"""``museui hub serve`` and ``museui hub init``."""

from __future__ import annotations

import asyncio
import getpass
import ipaddress
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from museui.core.errors import Usage
from museui.core.limits import Limits
from museui.core.names import check_owner

from ..config import HubSettings, Quotas
from ..log import LEVELS
from ..tls import read_tls
from .database_option import read_database_url
from .options import IntervalType, NetworkType, SizeType, data_option, json_option, name_folder, print_json
from .serve_file import ServeCommand
from .store_options import read_store_settings, store_options, take_store_options

if TYPE_CHECKING:
    from ..state import HubState

F = TypeVar("F", bound=Callable[..., Any])
_LIMITS = tuple(field.name for field in fields(Limits))
_FILE = click.Path(path_type=Path, dir_okay=False)
_DEFAULTS = HubSettings(Path())
_PATIENCE: dict[str, tuple[str, click.ParamType[Any], str]] = {
    "upload_ttl_s": ("--upload-ttl", click.IntRange(1, 86400), "Seconds a presigned URL lives."),
    "header_timeout_s": ("--header-timeout", click.FloatRange(1.0), "Seconds the head of a request may take."),
    "body_idle_s": ("--body-idle", click.FloatRange(0.1), "Seconds a body may stand still."),
    "body_grace_s": ("--body-grace", click.FloatRange(0.1), "Seconds a body may be under the minimum rate."),
    "body_min_rate_bytes_s": ("--body-min-rate", click.IntRange(1), "Bytes a second a body must reach."),
    "requests_per_minute": (
        "--requests-per-minute",
        click.IntRange(0),
        "Requests of one token, or of one address without one, in the long run; 0: any number.",
    ),
    "request_burst": ("--request-burst", click.IntRange(1), "Requests of one of them at once."),
    "max_open_uploads": ("--max-open-uploads", click.IntRange(1), "Uploads of one user that wait for their confirm."),
    "send_idle_s": ("--send-idle", click.FloatRange(0.1), "Seconds a client may leave an answer unread."),
    "stop_s": ("--stop-timeout", click.FloatRange(0.1), "Seconds a stop waits for the requests that run."),
}


_ROUNDS = {
    "gc_every_s": ("--gc-every", "1d", "How often to collect garbage, or 'off'."),
    "gc_grace_s": ("--gc-grace", "14d", "How long a thing must have been garbage before it goes."),
    "look_every_s": ("--look-every", "30s", "How often to look for work that is due."),
    "scrub_every_s": ("--scrub-every", "4w", "How often to check all that is stored, or 'off'."),
}


def _settings_options(function: F) -> F:
    """An option for each limit and each time the hub waits, named as in :class:`HubSettings`."""
    for name in reversed(_LIMITS):
        flag, default = "--" + name.replace("_", "-"), getattr(_DEFAULTS.limits, name)
        option = click.option(flag, name, type=click.IntRange(1), default=default, show_default=True, metavar="N")
        function = option(function)
    for name, (flag, kind, words) in reversed(_PATIENCE.items()):
        default = getattr(_DEFAULTS, name)
        option = click.option(flag, name, type=kind, default=default, show_default=True, metavar="N", help=words)
        function = option(function)
    for name, (flag, usual, words) in reversed(_ROUNDS.items()):
        option = click.option(
            flag,
            name,
            type=IntervalType(name not in ("gc_grace_s", "look_every_s")),
            default=usual,
            show_default=True,
            metavar="TIME",
            help=words,
        )
        function = option(function)
    return function


@click.command(cls=ServeCommand, context_settings={"auto_envvar_prefix": "MUSEUI_HUB"})
@data_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8750, show_default=True, help="0 picks a free one.")
@click.option("--owner", metavar="NAME", help="The user to create when they are not there yet.  [default: you]")
@click.option("--public-url", metavar="URL", help="What clients call the hub, when that is not its address.")
@click.option("--auto-create/--no-auto-create", default=True, help="Make repositories on their owner's first push.")
@click.option(
    "--log-format", "--log", "log_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    type=NetworkType(),
    multiple=True,
    help="Whose X-Forwarded-For, -Proto and -Host are believed: an address or network, as often as needed.",
)
@click.option("--metrics/--no-metrics", default=True, help="Whether /metrics answers.")
@click.option(
    "--metrics-token",
    metavar="TEXT",
    help="The bearer token that /metrics takes, best from the environment or the file.  [default: none, and it answers "
    "this machine alone]",
)
@click.option("--tls-cert", type=_FILE, help="A certificate (PEM): speak TLS with it.")
@click.option("--tls-key", type=_FILE, help="The key of the certificate (PEM).")
@click.option("--http2", is_flag=True, help="Offer HTTP/2 over TLS; for networks where nobody holds connections open.")
@store_options
@click.option("--minio", is_flag=True, help="Start the 'minio' on PATH beside the hub, and keep the objects there.")
@click.option("--repository-quota", type=SizeType(), help="What one repository may hold.  [default: no limit]")
@click.option("--user-quota", type=SizeType(), help="What all of one user's may hold together.  [default: no limit]")
@_settings_options
@json_option
def serve(
    data_dir: Path,
    host: str,
    port: int,
    owner: str | None,
    public_url: str | None,
    log_format: str,
    log_level: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    http2: bool,
    minio: bool,
    repository_quota: int | None,
    user_quota: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Serve a hub until it is told to stop.

    On an empty folder it makes the first user and prints their token, once.
    """
    if owner is not None:
        check_owner(owner)
    _check_public_url(public_url)
    tls = read_tls(tls_cert, tls_key, http2)
    if tls is None and not _is_loopback(host):
        click.echo(
            f"warning: listening on {host} without TLS; tokens and data can be read on the way.\n"
            "hint: give it --tls-cert and --tls-key, put a proxy with TLS in front of it, or listen on 127.0.0.1.",
            err=True,
        )
    limits = Limits(**{name: options.pop(name) for name in _LIMITS})
    public_url = public_url.rstrip("/") if public_url else None
    data_dir = data_dir.absolute()
    given = take_store_options(options)
    if minio:
        _check_minio(host, given)
    store = None if minio else read_store_settings(data_dir, given)
    quotas = Quotas(repository_quota, user_quota)
    database = read_database_url(data_dir)
    settings = HubSettings(data_dir, limits, store, quotas, database, public_url=public_url, tls=tls, **options)

    from ..folder import create_data_folder, locked_data_folder, require_one_database
    from ..log import configure_log

    configure_log(log_format == "json", log_level)
    create_data_folder(settings.data_dir)
    require_one_database(settings)
    with locked_data_folder(settings.data_dir):
        from ..first_run import ensure_owner
        from ..identity import read_behind
        from ..server import bind_listener, listener_url
        from ..server import serve as serve_hub

        listener = bind_listener(host, port)
        address = listener_url(listener, tls is not None)

        async def announce(state: HubState) -> None:
            name, token = await ensure_owner(state.database, owner, own_name(), state.now())
            url = public_url or address
            async with state.database.read() as connection:
                behind = await read_behind(connection)
            if as_json:
                older = {"older_copy": behind} if behind else {}
                print_json({"url": url, "owner": name, "token": token, **older})
                return
            click.echo(f"The hub of {name} listens at {url}")
            if behind:
                click.echo(
                    "The database is an older copy than the one that filled the store. Nothing is collected, and "
                    + name_folder("pushes bring back what it lacks; 'museui hub adopt' takes in what is left.")
                )
            if token:
                click.echo(f"Token of {name}, shown this once: {token}")

        if not minio:
            asyncio.run(serve_hub(settings, listener, announce))
            return
        from ..store.minio_process import running_minio
        from ..store_choice import require_s3_packages

        require_s3_packages()
        with running_minio(settings.data_dir, host, given.get("public_endpoint")) as own:
            asyncio.run(serve_hub(replace(settings, store=own.settings), listener, announce, own.keep_running))


@click.command()
@data_option
@click.option("--owner", metavar="NAME", help="The first user.  [default: you]")
@json_option
def init(data_dir: Path, owner: str | None, as_json: bool) -> None:
    """Make a hub and its first user without serving it, and print their token."""
    if owner is not None:
        check_owner(owner)
    from ..folder import create_data_folder, require_no_orphans, require_one_database

    settings = HubSettings(data_dir.absolute(), database=read_database_url(data_dir))
    create_data_folder(settings.data_dir)
    require_one_database(settings)
    require_no_orphans(settings)
    name, token = asyncio.run(_init(settings, owner))
    if as_json:
        print_json({"owner": name, "token": token})
    elif token:
        click.echo(token)
    else:
        click.echo(f"there is a hub with the user {name} already; nothing was changed", err=True)


async def _init(settings: HubSettings, owner: str | None) -> tuple[str, str | None]:
    from ..first_run import ensure_owner
    from ..index.database import Database

    database = Database(settings.database_url, checkpoints=False)
    try:
        await database.open()
        return await ensure_owner(database, owner, own_name(), time.time())
    finally:
        await database.close()


def own_name() -> str:
    """The name of whoever runs this, when it can be an owner's; ``owner`` otherwise."""
    from museui.core.errors import Invalid

    try:
        return check_owner(getpass.getuser())
    except (Invalid, OSError, KeyError):
        return "owner"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_minio(host: str, given: dict[str, Any]) -> None:
    """``--minio`` brings its own store; all that may be said of it is what clients call it."""
    if given.keys() - {"public_endpoint"}:
        raise Usage("--minio starts a store of the hub's own", hint="Leave --store and its options out.")
    if host in ("0.0.0.0", "::") and "public_endpoint" not in given:
        raise Usage(
            "clients must be told how to reach MinIO", hint="Write --s3-public-endpoint http://hub.example.org:9000"
        )


def _check_public_url(url: str | None) -> None:
    from urllib.parse import urlsplit

    if url is None:
        return
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise Usage(f"not a URL a hub can have: {url!r:.200}", hint="Write --public-url https://hub.example.org")
