"""Which paths, branch names, owners, slugs and lines of text are acceptable.

Paths: what no file system can hold, or what would leave the work tree, is refused.  Names that differ only in
case or Unicode form are legal (Linux holds them); whoever writes a work tree must notice the collision there.
Branch names may hold more than git's: whatever the Muse client can name and no path, terminal or list can misread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from .errors import Invalid, shown
from .printable import CONTROLS, UNSEEN, is_line

MAX_PATH_BYTES = 4096
MAX_BRANCH_BYTES = 255
MAX_LINE_CHARS = 255
BRANCH_RULE = (
    f"A branch name has at most {MAX_BRANCH_BYTES} bytes, no character that controls or that nobody can see, no "
    "backslash, '..', '//' or '@{', no leading '-', and no part that begins with '.' or begins or ends with a space."
)

_BAD_PATH = re.compile(r"[\x00-\x1f\x7f\\]|^/|//|/$|^[A-Za-z]:|(?:^|/)(?:\.\.?|\.muse)(?:/|$)", re.IGNORECASE).search
_BAD_BRANCH = re.compile(rf"[{CONTROLS}{UNSEEN}\\]|\.\.|@\{{|^[-./ ]|[/ ]$|//|/[. ]| /").search
_BAD_IN_GIT = re.compile(r"[ ~^:?*\[]|^@$|\.$|\.lock(?:/|$)|^HEAD$").search
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}").fullmatch

RESERVED_OWNERS = frozenset(
    {"o", "repos", "healthz", "readyz", "version", "metrics", "staging", "static", "login", "logout", "assets", "user"}
)


def check_path(path: object) -> str:
    """``path`` unchanged when a work tree can hold it; raises :class:`Invalid` naming it otherwise."""
    if not isinstance(path, str) or not path:
        raise Invalid(f"path is empty or not text: {shown(path)}")
    if _BAD_PATH(path):
        raise Invalid(
            f"path is not allowed: {shown(path, 200)}",
            hint="Paths are relative, '/'-separated, without '..', '.muse', backslash or control characters.",
        )
    try:
        size = len(path.encode())
    except UnicodeEncodeError as exc:
        raise Invalid(f"path is not valid Unicode: {shown(path, 200)}") from exc
    if size > MAX_PATH_BYTES:
        raise Invalid(f"path is longer than {MAX_PATH_BYTES} bytes: {shown(path)}")
    return path


def check_tree(paths: Iterable[str]) -> None:
    """Refuse a set of files in which one file is also a folder of another (``a`` beside ``a/b``)."""
    ordered = sorted([path.replace("/", "\0") for path in paths])  # what lies in a folder comes right after its name
    for path, following in pairwise(ordered):
        if following.startswith(path + "\0"):
            raise Invalid(f"path is a file and a folder at once: {shown(path.replace(chr(0), '/'), 200)}")


def check_branch(name: object) -> str:
    """Return ``name`` unchanged when it can be a branch's; raises :class:`Invalid` otherwise."""
    ok = isinstance(name, str) and name and not _BAD_BRANCH(name)
    if ok:
        try:
            ok = len(str(name).encode()) <= MAX_BRANCH_BYTES
        except UnicodeEncodeError:
            ok = False
    if not ok:
        raise Invalid(f"not a branch name: {shown(name)}", hint=BRANCH_RULE)
    return str(name)


def is_branch(name: str) -> bool:
    """Return whether ``name`` can be a branch's."""
    try:
        check_branch(name)
    except Invalid:
        return False
    return True


def is_git_branch(name: str) -> bool:
    """Return whether git, too, would take a branch name of ours: older hubs take no others."""
    return not _BAD_IN_GIT(name)


def check_name(name: object, what: str) -> str:
    """``name`` unchanged when it can be an owner, a slug or a remote; raises :class:`Invalid` naming ``what``."""
    if not isinstance(name, str) or not _NAME(name) or name.endswith(".lock") or ".." in name:
        raise Invalid(
            f"{what} is not a name: {shown(name)}",
            hint="Letters, digits, '.', '_' and '-', starting with a letter or digit, at most 100.",
        )
    return name


def is_name(name: str) -> bool:
    """Return whether ``name`` can be a remote's."""
    try:
        check_name(name, "remote")
    except Invalid:
        return False
    return True


def check_owner(name: object) -> str:
    """As :func:`check_name`, and not one of the words the hub's own paths begin with."""
    owner = check_name(name, "owner")
    if owner.lower() in RESERVED_OWNERS:
        raise Invalid(f"owner {owner!r} is a reserved word")
    return owner


def check_line(text: str, field: str) -> str:
    """``text`` unchanged when it is a line that people can read, or empty; raises :class:`Invalid` naming ``field``."""
    if len(text) > MAX_LINE_CHARS or not is_line(text):
        raise Invalid(f"field {field!r} is not a line of at most {MAX_LINE_CHARS} characters", details={"field": field})
    return text
