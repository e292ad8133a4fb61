"""What of a work tree is not recorded: the fixed rules of the 0.1.x client, and the repository's ``.museignore``.

``.museignore`` is TOML: ``[global] patterns`` and ``[domain.<name>] patterns``, each pattern as in a gitignore file,
the domain's after the global ones.  No pattern brings back what the fixed rules leave out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from typing import Any

from ..core.errors import Usage
from .config import make_table, parse_toml, read_document, read_toml_text, write_document
from .temporary import is_temporary

NEVER_ENTERED = frozenset(
    {
        ".muse", ".git", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".ruff_cache",
        ".pytest_cache", ".coverage", "htmlcov", "dist", "build",
    }
)  # fmt: skip
NEVER_TAKEN = (".env", ".env.*", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", ".DS_Store", "Thumbs.db")
IGNORE_FILE = ".museignore"
OWN = ".museui-*.tmp"
"""The rule for temporary files of our own."""

_TOOL_FILES = frozenset({".muse", ".git", ".coverage"})
"""Names of :data:`NEVER_ENTERED` that are left out as files too: they are written by tools, never by people."""

_OF_PEOPLE = frozenset({*NEVER_TAKEN, "dist", "build", "htmlcov", "venv"}) - {".DS_Store", "Thumbs.db"}

_never_taken = re.compile("|".join(f"({translate(pattern)})" for pattern in NEVER_TAKEN)).match


class IgnoreRules:
    """Decides about one name at a time; a folder that is left out is not looked into. What is recorded is not asked."""

    __slots__ = ("_matches",)

    def __init__(self, patterns: list[str]) -> None:
        self._matches = _compile(patterns)

    def skips_folder(self, path: str, name: str) -> bool:
        """Whether the folder ``path``, whose last part is ``name``, is left out with all it holds."""
        if built_in_folder(name):
            return True
        return self._matches is not None and self._matches(path + "/")

    def skips(self, path: str) -> bool:
        """Return whether the file ``path`` is left out, by itself or with a folder that it is in."""
        parts = path.split("/")
        above = ("/".join(parts[:count]) for count in range(1, len(parts)))
        return any(self.skips_folder(folder, folder.rpartition("/")[2]) for folder in above) or self.skips_file(
            path, parts[-1]
        )

    def skips_file(self, path: str, name: str) -> bool:
        """Whether the file ``path``, whose last part is ``name``, is left out."""
        if built_in_file(name):
            return True
        return self._matches is not None and self._matches(path)


def built_in_folder(name: str) -> str:
    """Return the built-in rule that leaves out folders called ``name``, as a pattern; empty when none does."""
    return name if name in NEVER_ENTERED else OWN if is_temporary(name) else ""


def built_in_file(name: str) -> str:
    """Return the built-in rule that leaves out files called ``name``, as a pattern; empty when none does."""
    if name in _TOOL_FILES:
        return name
    if match := _never_taken(name):
        return NEVER_TAKEN[match.lastindex - 1] if match.lastindex else ""
    return OWN if is_temporary(name) else ""


def is_of_tools(rule: str) -> bool:
    """Return whether what a built-in rule leaves out was made by a program for itself, and hardly by a person."""
    return rule not in _OF_PEOPLE


def _compile(patterns: list[str]) -> Callable[[str], bool] | None:
    if not patterns:
        return None
    from pathspec import GitIgnoreSpec

    try:
        spec = GitIgnoreSpec.from_lines(patterns)
    except ValueError as exc:
        raise Usage(f"a pattern cannot be understood: {exc}"[:300]) from exc
    return lambda path: bool(spec.match_file(path))


def parse_ignore(text: str, domain: str) -> list[str]:
    """The patterns that hold for ``domain``, in order. Raises :class:`Usage` saying which table is wrong."""
    tables = parse_toml(text)
    domains = tables.get("domain", {})
    if not isinstance(domains, dict):
        raise Usage("[domain] is not a table")
    return _patterns(tables, "global", "global") + _patterns(domains, domain, f"domain.{domain}")


def _patterns(tables: Mapping[str, Any], name: str, where: str) -> list[str]:
    table = tables.get(name, {})
    patterns = table.get("patterns", []) if isinstance(table, dict) else None
    if not isinstance(patterns, list) or not all(isinstance(item, str) for item in patterns):
        raise Usage(f"[{where}] patterns is not a list of texts")
    return patterns


def read_ignore_rules(root: str, domain: str) -> IgnoreRules:
    """The rules for the work tree ``root``. Raises :class:`Usage` naming the file when it makes no sense."""
    path = f"{root}/{IGNORE_FILE}"
    try:
        return IgnoreRules(parse_ignore(read_toml_text(path), domain))
    except FileNotFoundError:
        return IgnoreRules([])
    except Usage as exc:
        raise Usage(f"{path}: {exc.message}", hint=exc.hint, details={"path": path}) from exc


def add_ignore_patterns(root: str, patterns: Sequence[str]) -> None:
    """Add to ``[global] patterns`` of the work tree's ``.museignore``; what else is in the file stays.

    Raises :class:`Usage` when the file makes no sense or is a symbolic link.
    """
    path = f"{root}/{IGNORE_FILE}"
    document = read_document(path)
    table = make_table(document, "global")
    table["patterns"] = [*table.get("patterns", []), *patterns]
    write_document(path, document)


def exact_pattern(path: str) -> str:
    """Return the pattern that means the file ``path``, or the folder when it ends in ``/``, and nothing else."""
    escaped = re.sub(r"([\\*?\[\]])", r"\\\1", path)
    return "/" + (escaped[:-1] + "\\ " if escaped.endswith(" ") else escaped)
