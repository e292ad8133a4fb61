"""What of a work tree is not recorded: the fixed rules of the 0.1.x client, and the repository's ``.museignore``.

``.museignore`` is TOML: ``[global] patterns`` and ``[domain.<name>] patterns``, each pattern as in a gitignore file,
the domain's after the global ones.  No pattern brings back what the fixed rules leave out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import Any

from ..core.errors import Usage
from .config import parse_toml, read_toml_text
from .temporary import is_temporary

NEVER_ENTERED = frozenset(
    {
        ".muse", ".git", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".ruff_cache",
        ".pytest_cache", ".coverage", "htmlcov", "dist", "build",
    }
)  # fmt: skip
NEVER_TAKEN = (".env", ".env.*", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", ".DS_Store", "Thumbs.db")
IGNORE_FILE = ".museignore"

_TOOL_FILES = frozenset({".muse", ".git", ".coverage"})
"""Names of :data:`NEVER_ENTERED` that are left out as files too: they are written by tools, never by people."""

_never_taken = re.compile("|".join(translate(pattern) for pattern in NEVER_TAKEN)).match


class IgnoreRules:
    """Decides about one name at a time; a folder that is left out is not looked into."""

    __slots__ = ("_matches",)

    def __init__(self, patterns: list[str]) -> None:
        self._matches = _compile(patterns)

    def skips_folder(self, path: str, name: str) -> bool:
        """Whether the folder ``path``, whose last part is ``name``, is left out with all it holds."""
        if name in NEVER_ENTERED or is_temporary(name):
            return True
        return self._matches is not None and self._matches(path + "/")

    def skips_file(self, path: str, name: str) -> bool:
        """Whether the file ``path``, whose last part is ``name``, is left out."""
        if name in _TOOL_FILES or _never_taken(name) or is_temporary(name):
            return True
        return self._matches is not None and self._matches(path)


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
