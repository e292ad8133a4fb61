"""What can be shown as it is: the one notion of it, wherever text of others is shown or taken for a name."""

from __future__ import annotations

import unicodedata

import pytest

from hubstub.pages.text import plain_name, render_foreign
from museui.core.figures import one_line
from museui.core.names import check_line, is_branch
from museui.core.printable import is_line
from museui.edge.output import printable
from museui.hub.answers import cut_text

UNSEEN = list(
    "\x00\x1b\x7f\x85\x9b\xad\u061c\u180e\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\u206f\u3164"
    "\ufeff\uffa0\ufff9\U000e0041"
)
SEEN = ["a", "é", "e\u0301", "日本語", "ناپدید\u200cشده", "👩\u200d🎤", "❤\ufe0f", "葛\U000e0100", "ᠠ"]


@pytest.mark.parametrize("char", UNSEEN, ids=lambda char: f"U+{ord(char):04X}")
def test_what_nobody_can_see_is_named_everywhere_and_is_in_no_name(char: str) -> None:
    text = f"ma{char}in"
    for shown in (printable(text), one_line(text), str(render_foreign(text)), plain_name(text), cut_text(text)):
        assert char not in shown
    assert f"\\x{ord(char):02x}" in printable(text)
    assert not is_line(text)
    assert not is_branch(text)
    with pytest.raises(Exception, match="not a line"):
        check_line(text, "label")


@pytest.mark.parametrize("text", SEEN)
def test_what_people_write_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == one_line(text) == plain_name(text) == str(render_foreign(text)) == text
    assert is_branch(text)


def test_every_format_character_but_the_joiners_and_visible_signs_is_unseen() -> None:
    chars = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp")]
    shown = {char for char in chars if one_line(char) == char}
    joiners, signs = {"\u200c", "\u200d"}, {char for char in shown if "SIGN" in unicodedata.name(char)}
    others = {unicodedata.name(char) for char in shown - joiners - signs}
    assert all("ARABIC" in name or "SYRIAC" in name or "HIEROGLYPH" in name or "SHORTHAND" in name for name in others)
