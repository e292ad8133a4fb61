"""Repository names proposed for folders: accents go, what cannot be carried is said, and hubs accept every one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.names import check_name
from museui.core.slugs import propose_slug

LEFT_OUT = "The folder's name has letters that a repository's name may not have: they are left out."
MADE_UP = "The folder's name has no letter or digit that a repository's name may have, so this one is made up."


@pytest.mark.parametrize(
    ("folder", "name", "note"),
    [
        ("song", "song", ""),
        ("My  song!", "My-song", ""),
        ("Élan vital", "Elan-vital", ""),
        ("E\u0301lan vital", "Elan-vital", ""),
        ("Straße", "Strasse", ""),
        ("STRAẞE", "STRASSE", ""),
        ("Rødgrød og æbler", "Rodgrod-og-aebler", ""),
        ("Łódź", "Lodz", ""),
        ("Þórr ðe", "Thorr-de", ""),
        ("ﬁnal ①", "final-1", ""),
        ("ǿ ǽ", "o-ae", ""),
        ("_drafts_", "drafts", ""),
        ("a..b.lock", "a.b-lock", ""),
        ("🎵 song 🎵", "song", ""),
        ("夜の歌 2", "2", LEFT_OUT),
        ("song для Ady", "song-Ady", LEFT_OUT),
        ("夜の歌", "repository-e8d1a6", MADE_UP),
        ("♪", "repository-f7c624", MADE_UP),
        ("...", "repository-ab5df6", MADE_UP),
    ],
)
def test_a_folder_s_name_becomes_a_repository_s(folder: str, name: str, note: str) -> None:
    slug = propose_slug(folder)
    assert (slug.name, slug.note) == (name, note)


def test_two_folders_without_a_usable_letter_get_two_names() -> None:
    assert propose_slug("夜の歌").name != propose_slug("昼の歌").name


@given(st.text(max_size=300))
def test_every_proposal_is_a_name(folder: str) -> None:
    assert check_name(propose_slug(folder).name, "repository")
