"""A text beside its label: what does not fit goes on below the text, not below the label."""

from __future__ import annotations

from textual.content import Content

_NARROWEST = 10


def hanging_indent(lead: Content, text: Content, width: int) -> list[Content]:
    """The lines of ``text`` after ``lead``, in ``width`` cells."""
    first, *more = text.wrap(max(_NARROWEST, width - lead.cell_length)) or [text]
    return [Content.assemble(lead, first), *(Content.assemble(" " * lead.cell_length, rest) for rest in more)]
