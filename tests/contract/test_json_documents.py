"""What every verb prints with ``--json``, run for real, is what ``docs/json.md`` says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from museui.cli.main import EXIT_CODES, VERBS, museui
from tests.helpers.json_scenario import Printed, record
from tests.helpers.json_schema import Schemas, read_schemas

PAGE = Path(__file__).parents[2] / "docs" / "json.md"
SCHEMAS = read_schemas(PAGE)


def verbs_with_json() -> list[str]:
    """Every command that takes ``--json``, with the groups it is in."""

    def below(command: click.Command, words: tuple[str, ...]) -> Iterator[str]:
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                yield from below(inner, (*words, name))
        elif any(param.name == "as_json" for param in command.params):
            yield " ".join(words)

    context = click.Context(museui)
    found: list[str] = []
    for verb in VERBS:
        command = museui.get_command(context, verb)
        assert command
        found += below(command, (verb,))
    return found


VERBS_WITH_JSON = verbs_with_json()


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Printed]]:
    return record(tmp_path_factory.mktemp("json"))


def test_every_verb_with_json_is_on_the_page_and_no_other() -> None:
    assert {verb for verb in SCHEMAS.verbs if not verb.startswith("hub ")} == set(VERBS_WITH_JSON)


@pytest.mark.parametrize("verb", VERBS_WITH_JSON)
def test_what_a_verb_prints_is_what_the_page_says(printed: dict[str, list[Printed]], verb: str) -> None:
    assert any(item.code == 0 for item in printed[verb]), "it was never seen to succeed"
    for item in printed[verb]:
        assert SCHEMAS.faults(item.document, verb) == []


def test_every_alternative_of_push_was_seen(printed: dict[str, list[Printed]]) -> None:
    kinds = ("pushes", "deleted", "dry_run", "error", "tags")
    seen = {kind for item in printed["push"] for kind in kinds if kind in item.document}
    assert seen == set(kinds)


def test_a_verb_that_fails_prints_the_error_document(printed: dict[str, list[Printed]]) -> None:
    (failed,) = printed["no-such-verb"]
    assert failed.code == 2 and SCHEMAS.faults(failed.document, "init") == []
    assert failed.document["error"]["code"] == "usage"


def test_no_document_has_a_bare_id_or_a_time_in_seconds(printed: dict[str, list[Printed]]) -> None:
    text = json.dumps({verb: [item.document for item in items] for verb, items in printed.items()})
    assert re.findall(r'(?<!sha256:)\b[0-9a-f]{64}\b[^"]*"', text) == []
    assert re.findall(r'"\w*(?:_at|since|until)": [\d.]+', text) == []


def test_the_exit_codes_on_the_page_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| (\d+) \| ", PAGE.read_text(), re.MULTILINE)
    assert rows == re.findall(r"\d+", EXIT_CODES)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"ok": True, "repo": "/a", "branch": "main"}, "branch lacks head"),
        ({"ok": True, "repo": "/a", "branch": "main", "head": "ab" * 32}, "branch.head is not id"),
        ({"ok": True, "repo": "a", "branch": "main", "head": "sha256:" + "ab" * 32}, "branch.repo is not path"),
        ({"ok": 1, "repo": "/a", "branch": "main", "head": "sha256:" + "ab" * 32}, "branch.ok is not true"),
        (
            {"ok": True, "repo": "/a", "branch": "main", "head": "sha256:" + "ab" * 32, "new": 1},
            "branch has new, which is not documented",
        ),
        ([], "branch is not a map"),
    ],
)
def test_a_document_that_differs_is_noticed(document: Any, fault: str) -> None:
    (found,) = SCHEMAS.faults(document, "branch")
    assert found.startswith(fault)


def test_alternatives_lists_and_maps_are_looked_into() -> None:
    schemas = Schemas({"verb": {"a": "[{X}] | null"}}, {"X": "'one' | int"})
    assert schemas.faults({"a": None}, "verb") == []
    assert schemas.faults({"a": [{"k": "one", "l": 2}, {}]}, "verb") == []
    assert schemas.faults({"a": [{"k": "two"}]}, "verb") != []
