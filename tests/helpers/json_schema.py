"""The schemas in ``docs/json.md``, and whether a document is like one: the notation is described there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(r"^<!-- json( part)?: ([\w -]+) -->\n```json\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_ID = re.compile(r"sha256:[0-9a-f]{64}").fullmatch
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").fullmatch


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_SIMPLE: Mapping[str, Callable[[Any], bool]] = {
    "any": lambda value: True,
    "text": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": _is_number,
    "null": lambda value: value is None,
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "id": lambda value: isinstance(value, str) and bool(_ID(value)),
    "time": lambda value: isinstance(value, str) and bool(_TIME(value)),
    "path": lambda value: isinstance(value, str) and value.startswith("/"),
}


@dataclass(frozen=True)
class Schemas:
    """Schemas of documents by verb, and the parts that they are made of by name."""

    verbs: Mapping[str, Any]
    parts: Mapping[str, Any]

    def faults(self, document: Any, verb: str) -> list[str]:
        """Return what of ``document`` is not as the page says; a failure of the verb is like a ``Failure``."""
        failed = isinstance(document, dict) and {"error"} <= document.keys() <= {"ok", "error", "phases"}
        return list(self._check(document, "Failure" if failed else self.verbs[verb], verb))

    def _check(self, value: Any, schema: Any, where: str) -> Iterator[str]:
        if isinstance(schema, dict):
            yield from self._check_map(value, self._with_parts(schema), where)
        elif len(choices := _split(schema)) > 1:
            found = [list(self._check(value, choice, where)) for choice in choices]
            if all(found):
                yield f"{where} is none of {schema}: {min(found, key=len)}"
        elif schema in _SIMPLE:
            if not _SIMPLE[schema](value):
                yield f"{where} is not {schema}: {value!r:.100}"
        elif schema[0] == "'":
            if value != schema[1:-1]:
                yield f"{where} is not {schema}: {value!r:.100}"
        elif schema[0] == "[":
            if not isinstance(value, list):
                yield f"{where} is not a list: {value!r:.100}"
            else:
                for number, item in enumerate(value):
                    yield from self._check(item, schema[1:-1], f"{where}[{number}]")
        elif schema[0] == "{":
            if not isinstance(value, dict):
                yield f"{where} is not a map: {value!r:.100}"
            else:
                for name, item in value.items():
                    yield from self._check(item, schema[1:-1], f"{where}.{name}")
        else:
            yield from self._check(value, self.parts[schema], where)

    def _with_parts(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        own = {key: kind for key, kind in schema.items() if key != "..."}
        return {**self.parts[schema["..."]], **own} if "..." in schema else own

    def _check_map(self, value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where} is not a map: {value!r:.100}"
            return
        known = {key.removesuffix("?"): kind for key, kind in schema.items()}
        required = {key for key in schema if not key.endswith("?")}
        yield from (f"{where} lacks {key}" for key in sorted(required - value.keys()))
        yield from (f"{where} has {key}, which is not documented" for key in sorted(value.keys() - known.keys()))
        for key in value.keys() & known.keys():
            yield from self._check(value[key], known[key], f"{where}.{key}")


def _split(schema: str) -> list[str]:
    """The alternatives of a type; those inside brackets belong to what the brackets are."""
    parts, depth, start = [], 0, 0
    for number, char in enumerate(schema):
        depth += (char in "[{") - (char in "]}")
        if char == "|" and depth == 0:
            parts.append(schema[start:number].strip())
            start = number + 1
    return [*parts, schema[start:].strip()]


def read_schemas(page: Path) -> Schemas:
    """Return the schemas on a page. Raises :class:`ValueError` for a block that is not JSON."""
    verbs: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    for part, name, block in _BLOCK.findall(page.read_text()):
        known = parts if part else verbs
        assert name not in known, f"{name} is there twice"
        known[name] = json.loads(block)
    return Schemas(verbs, parts)
