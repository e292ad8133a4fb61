"""``[hubs."host"]`` of the configuration: how far each hub is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from museui.core.errors import Usage
from museui.hub.trust import HubTrust
from museui.repo.config import parse_toml, read_toml_text
from museui.repo.identity import host_keys

CA_VARIABLE = "MUSEUI_CA"
CONFIG_HINT = "Mend the file; 'museui config validate' says what is allowed."


def parse_hubs(tables: Any) -> dict[str, HubTrust]:
    """Return the settings by ``host`` or ``host:port``. Raises :class:`Usage` naming the table."""
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
        private_store = table.get("private_store", False)
        if not isinstance(private_store, bool):
            raise Usage(f'[hubs."{host}"] private_store is not true or false')
        hubs[host.lower()] = HubTrust(ca, private_store)
    return hubs


def choose_trust(base: str, hubs: Mapping[str, HubTrust], environment: Mapping[str, str]) -> HubTrust:
    """Return the trust in the hub at ``base``; ``MUSEUI_CA`` goes before its own ``ca``. Plain HTTP needs none."""
    if urlsplit(base).scheme != "https":
        return HubTrust()
    trust = next((hubs[key] for key in host_keys(base) if key in hubs), HubTrust())
    named = environment.get(CA_VARIABLE)
    return replace(trust, ca=named) if named else trust


def find_trust(base: str, environment: Mapping[str, str]) -> HubTrust:
    """Return :func:`choose_trust` with the configuration as it is now. Raises :class:`Usage` when it cannot be read."""
    if urlsplit(base).scheme != "https":
        return HubTrust()
    from museui.local.places import find_places

    path = str(find_places().config)
    try:
        hubs = parse_toml(read_toml_text(path)).get("hubs", {})
        return choose_trust(base, parse_hubs(hubs), environment)
    except FileNotFoundError:
        return choose_trust(base, {}, environment)
    except Usage as exc:
        raise Usage(f"{path}: {exc.message}", hint=exc.hint or CONFIG_HINT) from exc
