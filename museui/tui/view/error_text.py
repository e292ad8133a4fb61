"""An error as it is read where it happened: what, why, what to do, and what to copy into a report."""

from __future__ import annotations

from collections.abc import Iterable

from museui.local.messages import Trouble


def explain(trouble: Trouble) -> list[tuple[str, str]]:
    """(label, text) lines, the sentence first; what is not known is left out."""
    lines = [("", trouble.message)]
    if trouble.hint:
        lines.append(("do", trouble.hint))
    lines.append(("code", trouble.code + (" (may pass by itself)" if trouble.retryable else "")))
    request_id = trouble.details.get("request_id")
    if request_id:
        lines.append(("request", str(request_id)))
    lines += [(name.replace("_", " "), str(value)) for name, value in trouble.details.items() if name != "request_id"]
    return lines


def copy_text(trouble: Trouble) -> str:
    """The same as plain text for the clipboard."""
    return copy_lines(explain(trouble))


def copy_lines(lines: Iterable[tuple[str, str]]) -> str:
    """(label, text) lines as plain text."""
    return "\n".join(f"{label}: {text}" if label else text for label, text in lines)
