"""Repository names that a hub accepts, made from the names of folders."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

_MAX_CHARS = 100
_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "ẞ": "SS",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ð": "d",
        "Ð": "D",
        "þ": "th",
        "Þ": "Th",
        "ħ": "h",
        "Ħ": "H",
        "ŧ": "t",
        "Ŧ": "T",
        "ŋ": "ng",
        "Ŋ": "Ng",
        "ı": "i",
        "ĸ": "k",
    }
)
"""Latin letters that Unicode does not decompose into a basic letter and an accent."""
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Slug:
    """A proposed repository name. ``note``: one sentence about what of the folder's name is not in it, or empty."""

    name: str
    note: str = ""


def propose_slug(folder: str) -> Slug:
    """Return a repository name for a folder called ``folder``; always one that hubs accept.

    Accents are taken off (``Élan`` → ``Elan``), letters such as ``ß`` are spelled out, and a run of other characters
    becomes one ``-``. When no letter or digit remains, the name is ``repository-`` and six hexadecimal digits of the
    SHA-256 of ``folder``, so that two such folders get two names.
    """
    plain = unicodedata.normalize("NFKD", folder.translate(_LETTERS)).translate(_LETTERS)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    name = _NOT_ALLOWED.sub("-", plain)
    name = re.sub(r"\.{2,}", ".", name)[:_MAX_CHARS].strip("-._")
    name = re.sub(r"(?:\.lock)+$", "-lock", name)
    dropped = any(char.isalnum() and not char.isascii() for char in plain)
    if not name:
        digest = hashlib.sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()
        return Slug(
            f"repository-{digest[:6]}",
            "The folder's name has no letter or digit that a repository's name may have, so this one is made up.",
        )
    if dropped:
        return Slug(name, "The folder's name has letters that a repository's name may not have: they are left out.")
    return Slug(name)
