"""What every command of `museui hub` prints with ``--json``, run for real, is what ``docs/json.md`` says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hubstub.cli.main import hub
from tests.helpers.json_scenario import Printed
from tests.helpers.json_scenario_hub import record_hub
from tests.helpers.json_schema import read_schemas

SCHEMAS = read_schemas(Path(__file__).parents[2] / "docs" / "json.md")
NEEDS_MINIO = "hub minio-setup"
"""tests/contract/test_minio_commands.py runs it, and compares as is done here."""


def commands_with_json(command: click.Command, words: tuple[str, ...]) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands_with_json(inner, (*words, name))
    elif any(param.name == "as_json" for param in command.params):
        yield " ".join(words)


COMMANDS = list(commands_with_json(hub, ("hub",)))


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Printed]]:
    return record_hub(tmp_path_factory.mktemp("json"))


def test_every_command_with_json_is_on_the_page_and_no_other() -> None:
    assert {verb for verb in SCHEMAS.verbs if verb.startswith("hub ")} == set(COMMANDS)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != NEEDS_MINIO])
def test_what_a_command_prints_is_what_the_page_says(printed: dict[str, list[Printed]], command: str) -> None:
    assert any(item.code == 0 for item in printed[command]), "it was never seen to succeed"
    for item in printed[command]:
        assert SCHEMAS.faults(item.document, command) == []


def test_damage_was_seen(printed: dict[str, list[Printed]]) -> None:
    assert printed["hub fsck"][-1].document["findings"] and printed["hub stats"][-1].document["damage"]["first"]


def test_no_document_has_a_bare_id_or_a_time_in_seconds(printed: dict[str, list[Printed]]) -> None:
    text = json.dumps({command: [item.document for item in items] for command, items in printed.items()})
    assert re.findall(r'"\w*(?:head|_id|commit|subject)": "[0-9a-f]{64}"', text) == []
    assert re.findall(r'"\w*(?:_at|since|until)": [\d.]+', text) == []
