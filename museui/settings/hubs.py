"""``[hubs."host"]`` of the configuration: whose certificates are trusted at a hub beside those the system trusts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from museui.core.errors import Usage
from museui.repo.config import parse_toml, read_toml_text
from museui.repo.identity import host_keys

CA_VARIABLE = "MUSEUI_CA"
CONFIG_HINT = "Mend the file; 'museui config validate' says what is allowed."


@dataclass(frozen=True, slots=True)
class HubTrust:
    """``ca``: the path of a PEM file with the authorities whose certificates the hub and its object store may have."""

    ca: str | None = None


def parse_hubs(tables: Any) -> dict[str, HubTrust]:
    """The settings by ``host`` or ``host:port``. Raises :class:`Usage` naming the table."""
    if not isinstance(tables, dict):
        raise Usage("[hubs] is not a table")
    hubs = {}
    for host, table in tables.items():
        if not isinstance(table, dict):
            raise Usage(f'[hubs] {host} is not a table like [hubs."hub.example.org"]')
        ca = table.get("ca")
        if any(isinstance(value, dict) for value in table.values()):
            raise Usage(
                f"[hubs.{host}] has tables in it", hint=f'A host stands in quotes: [hubs."{host}.example.org"].'
            )
        if ca is not None and (not isinstance(ca, str) or not ca.startswith("/") or "\0" in ca):
            raise Usage(f'[hubs."{host}"] ca is not an absolute path')
        hubs[host.lower()] = HubTrust(ca)
    return hubs


def choose_authority(base: str, hubs: Mapping[str, HubTrust], environment: Mapping[str, str]) -> str | None:
    """The file of authorities for the hub at ``base``: ``MUSEUI_CA`` if set, else the hub's own, else ``None``."""
    if urlsplit(base).scheme != "https":
        return None
    if named := environment.get(CA_VARIABLE):
        return named
    return next((hubs[key].ca for key in host_keys(base) if key in hubs), None)


def find_authority(base: str, environment: Mapping[str, str]) -> str | None:
    """:func:`choose_authority` by the configuration as it is now. Raises :class:`Usage` when that cannot be read."""
    if urlsplit(base).scheme != "https":
        return None
    from museui.local.places import find_places

    path = str(find_places().config)
    try:
        hubs = parse_toml(read_toml_text(path)).get("hubs", {})
        return choose_authority(base, parse_hubs(hubs), environment)
    except FileNotFoundError:
        return choose_authority(base, {}, environment)
    except Usage as exc:
        raise Usage(f"{path}: {exc.message}", hint=exc.hint or CONFIG_HINT) from exc
