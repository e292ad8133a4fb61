"""`museui keys`: made once, shown as the format spells it, never in anybody else's hands."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.helpers.program import Museui


def test_a_key_is_made_once_and_shown(museui: Museui, home: Path) -> None:
    none_yet = museui("keys", "show")
    assert none_yet.code == 1 and "museui keys generate" in none_yet.err and none_yet.out == ""
    made = museui("keys", "generate")
    assert made.code == 0
    public, key_id = made.out.splitlines()
    assert public.startswith("ed25519:") and len(public) == 51 and len(key_id) == 16
    assert museui("keys", "show").out == made.out
    document = museui("keys", "show", "--json").document
    path = Path(document.pop("path"))
    assert document == {"ok": True, "public_key": public, "key_id": key_id}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.is_relative_to(home)
    again = museui("keys", "generate")
    assert again.code == 2 and "there is a key already" in again.err
    assert museui("keys", "show").out == made.out


def test_the_private_key_is_never_shown(museui: Museui) -> None:
    path = Path(museui("keys", "generate", "--json").document["path"])
    secret = path.read_text().splitlines()[1]
    for arguments in (["show"], ["show", "--json"], ["generate"], ["generate", "--json"]):
        answer = museui("keys", *arguments)
        assert secret not in answer.out + answer.err


def test_it_lies_where_the_system_says(museui: Museui, tmp_path: Path) -> None:
    document = museui("keys", "generate", "--json", XDG_CONFIG_HOME=str(tmp_path / "config")).document
    assert Path(document["path"]).exists()
