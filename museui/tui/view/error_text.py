"""An error as labelled lines: its message, what to do, its code and its details; and as text to copy into a report."""

from __future__ import annotations

from collections.abc import Iterable

from museui.local.messages import Trouble


def explain(trouble: Trouble) -> list[tuple[str, str]]:
    """Return an error as (label, text) lines, the message first."""
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
    """Return an error as plain text for the clipboard."""
    return copy_lines(explain(trouble))


def copy_lines(lines: Iterable[tuple[str, str]]) -> str:
    """Return (label, text) lines as plain text."""
    return "\n".join(f"{label}: {text}" if label else text for label, text in lines)
