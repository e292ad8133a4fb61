"""Choose the token for a hub.

A repository says which hub it is pushed to, and anybody may have written that. So ``MUSEUI_TOKEN`` goes only to the hub
that ``MUSEUI_HUB`` names. Without that variable, it goes only to hubs that the user has named: this machine, those of
``identity.toml``, and those whose URL was given on the command line, now or before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from museui.core.errors import MuseError, Usage
from museui.hub.url import is_loopback, parse_hub_url
from museui.repo.atomic import write_file
from museui.repo.files import read_file
from museui.repo.identity import check_token, host_keys, identity_path, loose_mode, read_identities

TOKEN_VARIABLE = "MUSEUI_TOKEN"
HUB_VARIABLE = "MUSEUI_HUB"
_FILE = "named-hubs"
_MAX_BYTES = 1 << 20


def token_for(
    url: str, environment: Mapping[str, str], warn: Callable[[str], None] | None = None, *, named: bool = False
) -> str | None:
    """Return the token for the hub of ``url``: ``MUSEUI_TOKEN`` if it is for that hub, else the identity file's.

    Return ``None`` without a token. ``named``: the user has given the address. ``warn`` is called when others can read
    the file. Raises :class:`Usage` for a damaged file, an impossible token, and a token not known to be for that hub.
    """
    path = identity_path()
    token = environment.get(TOKEN_VARIABLE)
    bound = environment.get(HUB_VARIABLE)
    if token and (not bound or _is_same(url, bound)):
        if not bound and not named:
            _require_named(url, path)
        return check_token(token, TOKEN_VARIABLE)
    identities = read_identities(path)
    found = None
    for key in host_keys(url):
        if fault := identities.faults.get(key):
            raise fault
        found = found or identities.get(key)
    if found is None:
        return None
    if warn and (warning := loose_mode(path)):
        warn(warning)
    return check_token(found.token, str(path)) if found.token else None


def _is_same(url: str, bound: str) -> bool:
    try:
        base = parse_hub_url(bound)
    except Usage as exc:
        raise Usage(f"{HUB_VARIABLE}: {exc.message}", hint=exc.hint) from exc
    return bool(set(host_keys(url)) & set(host_keys(base)))


def _require_named(url: str, path: Path) -> None:
    if is_loopback(url):
        return
    keys = host_keys(url)
    known = read_named_hubs()
    if not any(key in known for key in keys):
        with suppress(Usage):  # whoever has the variable set may have a damaged file beside it
            known |= read_identities(path).keys()
    if not any(key in known for key in keys):
        raise Usage(
            f"{TOKEN_VARIABLE} is set, and nothing says that it is for {keys[0]}, which the repository names",
            hint=f"If it is: set {HUB_VARIABLE}={keys[0]}, or give the URL itself: --remote URL. "
            f"If not: set {HUB_VARIABLE} to the hub it is for, and no other gets it.",
        )


def _named_path() -> Path:
    from museui.local.places import find_places

    return find_places().data / _FILE


def read_named_hubs() -> frozenset[str]:
    """Return the hubs, ``host`` or ``host:port``, whose address the user has given before."""
    try:
        text = read_file(str(_named_path()), _MAX_BYTES).decode(errors="replace")
    except (FileNotFoundError, MuseError):
        return frozenset()
    return frozenset(text.split())


def note_named_hub(base: str) -> None:
    """Remember that the user has given the address ``base``. When it cannot be written, it holds for this run alone."""
    key = host_keys(base)[0]
    known = read_named_hubs()
    if is_loopback(base) or key in known:
        return
    path = _named_path()
    with suppress(MuseError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(str(path), "".join(f"{name}\n" for name in sorted({*known, key})).encode(), mode=0o600)
