"""`docs/daemon.md` says what the daemon does: its endpoints, collections and messages, compared in both directions."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from daemon.api.routes import ROUTES
from museui.hub.trust import HubTrust
from museui.local import messages
from museui.settings.config import Config, Watched, parse_config
from museui.settings.notify import Notify
from tests.unit.test_docs import codes, table

TEXT = (Path(__file__).parents[2] / "docs" / "daemon.md").read_text()
MESSAGES = {name: thing for name, thing in vars(messages).items() if dataclasses.is_dataclass(thing)}


def test_the_table_of_requests_is_the_list_of_routes() -> None:
    assert [codes(row[0])[0] for row in table(TEXT, "## The local API")] == list(ROUTES)


def test_the_table_of_collections_is_the_list_of_collections() -> None:
    documented = {codes(row[0])[0]: codes(row[2])[0] for row in table(TEXT, "## The state and its events")}
    assert documented == {name: cls.__name__ for name, cls in messages.COLLECTIONS.items()}


def test_every_message_is_documented_and_no_other() -> None:
    assert set(re.findall(r"<!-- message: (\w+) -->", TEXT)) == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_the_table_of_a_message_has_its_fields(name: str) -> None:
    documented = [codes(row[0])[0] for row in table(TEXT, f"<!-- message: {name} -->")]
    assert documented == [item.name for item in dataclasses.fields(MESSAGES[name])]


def test_the_example_of_a_configuration_is_one_and_has_every_setting() -> None:
    (example,) = re.findall(r"```toml\n(.+?)```", TEXT, re.DOTALL)
    config = parse_config(example)
    tables = tomllib.loads(example)
    assert set(tables["repositories"][0]) == {item.name for item in dataclasses.fields(Watched)}
    assert set(tables["daemon"]) == {item.name for item in dataclasses.fields(Config)} - {
        "repositories",
        "invalid",
        "notify",
        "hubs",
    }
    assert set(tables["notify"]) == {item.name for item in dataclasses.fields(Notify)}
    assert [set(table) for table in tables["hubs"].values()] == [{item.name for item in dataclasses.fields(HubTrust)}]
    assert config.repositories["/music/song"].wants("take-2")
