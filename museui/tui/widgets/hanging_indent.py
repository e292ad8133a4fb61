"""A text beside its label, wrapped with a hanging indent: further lines begin below the text."""

from __future__ import annotations

from textual.content import Content

_NARROWEST = 10


def hanging_indent(lead: Content, text: Content, width: int) -> list[Content]:
    """Return the lines of ``text``, wrapped at ``width`` cells, with ``lead`` before the first."""
    first, *more = text.wrap(max(_NARROWEST, width - lead.cell_length)) or [text]
    return [Content.assemble(lead, first), *(Content.assemble(" " * lead.cell_length, rest) for rest in more)]
