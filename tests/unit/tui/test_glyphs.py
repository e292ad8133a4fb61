"""Every character beyond ASCII that is shown is in the fonts that terminals come with, and one cell wide."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.helpers.hub import ROOT

ALLOWED = {
    "–…·": "Latin-1 and General Punctuation: in every font",
    "←↑→↓⇅↵": "Arrows: in DejaVu, Menlo, Consolas and Cascadia",
    "─│╭╮╰╯├└║": "Box Drawing: terminals draw it themselves when the font does not",
    "▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▔░": "Block Elements: as Box Drawing",
    "■▸▾○◌●◐": "Geometric Shapes: in DejaVu, Menlo and Cascadia",
    "✓✗": "Dingbats that are never drawn as an emoji",
    "␣": "Control Pictures: the space bar, always beside a word that says what it does",
}
"""Characters that may be shown, by block, with the reason."""
SHOWN_BY = ("museui", "daemon")
NOT_SHOWN = {
    "museui/core/cells.py": "ranges of characters by their width",
    "museui/core/printable.py": "ranges of characters that are escaped",
    "museui/core/slugs.py": "letters of repository names and what they become",
    "museui/settings/values.py": "examples of letters that a setting may not have",
}


def literals(tree: ast.Module) -> Iterator[str]:
    """Yield every text in a module but for docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def read_glyphs(path: Path) -> set[str]:
    return {glyph for text in literals(ast.parse(path.read_text())) for glyph in text if ord(glyph) > 126}


@pytest.mark.parametrize("package", SHOWN_BY)
def test_every_glyph_in_the_programs_is_allowed(package: str) -> None:
    allowed, bad = set("".join(ALLOWED)), {}
    for path in sorted((ROOT / package).rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if name not in NOT_SHOWN and (others := read_glyphs(path) - allowed):
            bad[name] = sorted(others)
    assert not bad, "use another character, or add it to ALLOWED with the reason why common fonts have it"


def test_every_glyph_in_the_pictures_is_allowed() -> None:
    """This covers what Textual draws: borders, scrollbars, the command palette."""
    allowed = set("".join(ALLOWED)) | {"\N{NO-BREAK SPACE}"}
    files = sorted((ROOT / "screenshots").glob("*.svg"))
    assert files
    bad = {path.name: others for path in files if (others := {g for g in path.read_text() if ord(g) > 126} - allowed)}
    assert not bad


def test_every_allowed_glyph_is_one_cell_wide() -> None:
    assert {glyph: cell_len(glyph) for glyph in "".join(ALLOWED) if cell_len(glyph) != 1} == {}


def test_no_file_is_exempt_that_needs_no_exemption() -> None:
    allowed = set("".join(ALLOWED))
    assert [name for name in NOT_SHOWN if not read_glyphs(ROOT / name) - allowed] == []
