"""The normative documents say what the code does: tables compared in both directions, links that lead somewhere."""

from __future__ import annotations

import dataclasses
import io
import re
import tomllib
from pathlib import Path
from typing import Any

import msgpack
import pytest
from prometheus_client.metrics import MetricWrapperBase

from hubstub import metrics
from hubstub.app import build_app
from hubstub.capabilities import CAPABILITIES
from hubstub.config import HubSettings
from hubstub.maintenance import index_metrics
from hubstub.state import HubState
from hubstub.store.minio_process import VERSION as MINIO_VERSION
from museui.cli.main import EXIT_CODES, VERBS
from museui.core import wire
from museui.core.errors import ERRORS
from museui.core.limits import Limits
from museui.core.phases import GATES, TOTAL_GATE_S
from museui.core.stream import write_stream
from museui.repo import ignore
from tests.helpers.bundles import write
from tests.helpers.records import make_history

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
FORMATS = (ROOT / "docs" / "formats.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
README = (ROOT / "README.md").read_text()
REQUESTS = {wire.NegotiateRequest, wire.PresignRequest, wire.ConfirmRequest, wire.PushTarget, wire.CreateRepository}
REQUESTS |= {wire.ChangeRepository, wire.SetCollaborator, wire.ProtectBranches, wire.EnrolKey}
MESSAGES = sorted(
    (
        thing
        for thing in vars(wire).values()
        if isinstance(thing, type) and dataclasses.is_dataclass(thing) and thing is not Limits
    ),
    key=lambda thing: thing.__name__,
)


def table(text: str, after: str) -> list[list[str]]:
    """The rows, without head and rule, of the first table behind ``after``."""
    assert text.count(after) == 1, after
    lines = text.split(after)[1].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows: list[list[str]] = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows[2:]


def codes(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_table_of_errors_is_the_tree_of_errors() -> None:
    documented = {codes(row[0])[0]: row[1:4] for row in table(PROTOCOL, "## Errors")}
    expected = {
        code: [str(cls.http_status or "–"), "yes" if cls.retryable else "no", str(cls.exit_code)]
        for code, cls in ERRORS.items()
    }
    assert documented == expected


def test_the_table_of_phases_is_the_list_of_gates() -> None:
    rows = table(PROTOCOL, "## A push, in five phases")
    documented = [(codes(row[0])[0] if "`" in row[0] else row[0], float(row[2].removesuffix(" s"))) for row in rows]
    assert documented == [*GATES.items(), ("total", TOTAL_GATE_S)]


def test_the_table_of_limits_is_what_a_hub_has_by_default() -> None:
    documented = {codes(row[0])[0]: int(row[1]) for row in table(PROTOCOL, "## Limits")}
    assert documented == dataclasses.asdict(Limits())


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: str(cls.__name__))
def test_the_table_of_a_message_has_its_fields(cls: Any) -> None:
    rows = table(PROTOCOL, f"<!-- message: {cls.__name__} -->")
    fields = [item for item in dataclasses.fields(cls) if (cls, item.name) != (wire.PushTarget, "lease")]
    assert [codes(row[0])[0] for row in rows] == [item.name for item in fields]
    if cls in REQUESTS:
        optional = [
            item.default is not dataclasses.MISSING or item.default_factory is not dataclasses.MISSING
            for item in fields
        ]
        assert ["optional" in row[1] for row in rows] == optional


def test_every_message_that_is_documented_exists() -> None:
    assert set(re.findall(r"<!-- message: (\w+) -->", PROTOCOL)) == {cls.__name__ for cls in MESSAGES}


def test_the_table_of_endpoints_is_the_hub_s_list_of_routes(tmp_path: Path) -> None:
    nothing: Any = None  # routes need neither database nor store
    app = build_app(HubState(HubSettings(tmp_path), nothing, nothing))
    served = {
        (method, route.path)  # type: ignore[attr-defined]
        for route in app.routes
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    }
    documented = {tuple(codes(row[0])[0].split()) for row in table(PROTOCOL, "## Endpoints")}
    pages = {tuple(codes(row[0])[0].split()) for row in table(PROTOCOL, "## Pages")}
    assert not documented & pages
    assert documented | pages == served


def test_the_capabilities_that_are_documented_are_those_of_the_hub() -> None:
    row = next(row for row in table(PROTOCOL, "<!-- message: Refs -->") if "`capabilities`" in row[0])
    assert codes(row[2]) == list(CAPABILITIES)


def test_a_message_may_be_as_long_as_the_document_says() -> None:
    assert HubSettings(Path()).message_max_bytes == 1 << 20
    assert "A message may be 1 MiB long" in " ".join(PROTOCOL.split())


def test_the_table_of_the_bundle_is_what_a_bundle_has() -> None:
    documented = [codes(row[0])[0] for row in table(FORMATS, "## The bundle")]
    bundle = msgpack.unpackb(write(make_history({"a": b"one"})))
    assert documented == list(bundle)
    entry = next(row for row in table(FORMATS, "## The bundle") if "`objects`" in row[0])
    assert codes(entry[1]) == [*bundle["objects"][0], "path"]


def test_the_table_of_frames_is_what_a_stream_has() -> None:
    documented = {codes(row[0])[0][2] for row in table(FORMATS, "## The frames of `push/stream`")}
    assert documented == {"H", "S", "O", "C", "E"}
    first, *_, last = msgpack.Unpacker(io.BytesIO(b"".join(write_stream({"branch": "main"}, [], [], list))))
    assert [first, last] == [["H", {"branch": "main"}], ["E", {}]]


def test_the_table_of_metrics_is_what_the_hub_measures() -> None:
    documented = {codes(row[0])[0]: codes(row[1]) for row in table(OPERATIONS, "None names a user or a repository.")}
    measured: dict[str, list[str]] = {}
    for registry in (metrics.REGISTRY, index_metrics.REGISTRY):
        for collector in registry._collector_to_names:
            if isinstance(collector, MetricWrapperBase):
                name = collector._name + ("_total" if collector._type == "counter" else "")
                measured[name] = list(collector._labelnames)
    assert documented == measured


def test_what_a_snapshot_never_takes_is_what_the_document_says() -> None:
    text = FORMATS.split("### What a snapshot takes")[1].split("\n## ")[0]
    entered = re.search(r"never entered: `([^`]+)`", text)
    taken = re.search(r"never taken: `([^`]+)`", text)
    assert entered and set(entered[1].split()) == ignore.NEVER_ENTERED
    assert taken and taken[1].split() == list(ignore.NEVER_TAKEN)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'\bsrc(?:set)?="([^"]+)"', text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = document.parent / name if name else document
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file.read_text()), target


@pytest.mark.parametrize("name", ["demo", "tests"])
def test_the_readme_s_commands_are_one_line_each_where_ci_looks_for_them(name: str) -> None:
    block = re.search(rf"^<!-- ci: {name} -->\n```sh\n(.+)\n```$", README, re.MULTILINE)
    assert block and "\n" not in block[1]
    assert block[1].startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_the_readme_names_every_command_and_no_other() -> None:
    commands = [words for row in table(README, "## Commands") for words in codes(row[0])]
    rows = [codes(row[0]) for row in table(README, "## Commands")]
    verbs = {word.split()[1] for word in commands if word.startswith("museui ")}
    beside = {row[0].split()[1]: row for row in rows}
    groups = {"remote", "keys", "hub", "daemon", "watch", "queue", "config"}
    named = verbs | {word.split()[0] for verb, row in beside.items() if verb not in groups for word in row[1:]}
    assert named == set(VERBS)


def test_one_minio_is_meant_everywhere() -> None:
    for file in (ROOT / "README.md", ROOT / ".ci" / "run"):
        assert re.findall(r"github\.com/minio/minio@(\S+)", file.read_text()) == [MINIO_VERSION]


def test_the_readme_has_the_exit_codes_of_the_help() -> None:
    assert f"Exit codes: {EXIT_CODES}" in README


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## [{version}] - " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "README.md", "docs/architecture.md"])
def test_every_file_and_folder_that_is_named_exists(document: str) -> None:
    named = re.findall(
        r"[`( ]((?:museui|daemon|hubstub|tests|docs|screenshots|\.ci)/[\w./]+)", (ROOT / document).read_text()
    )
    named = [name.rstrip(".") for name in named if "NAME" not in name]
    assert [name for name in sorted(set(named)) if not (ROOT / name).exists()] == []
