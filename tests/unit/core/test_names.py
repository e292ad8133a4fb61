"""Paths no file system holds, branch names that are and are not carried, and names of owners and slugs."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museui.core.errors import Invalid
from museui.core.names import (
    MAX_BRANCH_BYTES,
    MAX_PATH_BYTES,
    RESERVED_OWNERS,
    check_branch,
    check_name,
    check_owner,
    check_path,
    check_tree,
    is_git_branch,
)

GOOD_PATHS = [
    "a", "a/b", ".env", "..a", "a..", "a/..b", "notes/café.txt", "日本/語.mid", "a b", " ", "a.muse", ".musepack",
    "x/.museignore", "~", "-rf", "CON", "A", "a" * MAX_PATH_BYTES, "é" * (MAX_PATH_BYTES // 2), "1:x", "ab:c",
]  # fmt: skip
BAD_PATHS = [
    "", "/", "/a", "a/", "a//b", "//a", ".", "..", "./a", "../a", "a/.", "a/..", "a/./b", "a/../b", "a\\b", "\\",
    "a\0b", "a\nb", "a\n", "\x1b[2J", "a\x7f", "C:", "c:/windows", "C:x", ".muse", ".muse/HEAD", ".MUSE/config.toml",
    "sub/.muse/HEAD", "sub/.Muse", "a" * (MAX_PATH_BYTES + 1), "é" * (MAX_PATH_BYTES // 2) + "x", "\ud800", "a/\udcff",
]  # fmt: skip
GOOD_BRANCHES = [
    "main", "feat/bridge", "a-", "a@", "a@b", "a.b", "a./b", "a.locks", "heads/HEAD", "a]", "a{b", "ä", "日本/語",
    "head", "FETCH_HEAD", "a/-b", "refs/heads/x", "x" * MAX_BRANCH_BYTES,
]  # fmt: skip
UNSEEN_BRANCHES = ["a\u200bb", "a\u061cb", "a\u2028b", "a\u202eb", "a\u2066b", "a\xadb", "\ufeffa", "a\x85b", "a\u3164"]
ONLY_OURS = [
    "my idea", "a~1", "a^b", "a:b", "a?b", "a*b", "a[b", "x.lock", "a/b.lock", "a.lock/b", "HEAD", "@", "a.", "a b/c d",
]  # fmt: skip
BAD_BRANCHES = [
    "", ".a", "a/.b", "a..b", "-a", "@{", "a@{b", "a\\b", "a/", "/a", "a//b", "a\x7f", "a\tb", "a\n", "\0", "\ud800",
    " ", " a", "a ", "a/ b", "a /b",
    "x" * (MAX_BRANCH_BYTES + 1), "ä" * 128,
]  # fmt: skip
NOT_TEXT: list[Any] = [None, 3, b"main", ["main"], {"a": 1}, True]


@pytest.mark.parametrize("path", GOOD_PATHS)
def test_a_path_a_work_tree_can_hold_passes_unchanged(path: str) -> None:
    assert check_path(path) is path


@pytest.mark.parametrize("path", [*BAD_PATHS, *NOT_TEXT])
def test_a_path_that_leaves_the_work_tree_or_fits_no_file_system_is_refused(path: Any) -> None:
    with pytest.raises(Invalid, match=r"^path ") as caught:
        check_path(path)
    assert len(caught.value.message) < 1000


@given(st.text(alphabet="./\\:\0aA\n~é\ud800", max_size=12))
def test_an_accepted_path_never_names_anything_outside_its_folder(path: str) -> None:
    try:
        check_path(path)
    except Invalid:
        return
    parts = path.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert not set(path) & set("\\\0\n\ud800")


@pytest.mark.parametrize("name", GOOD_BRANCHES)
def test_a_branch_name_git_accepts_is_accepted(name: str) -> None:
    assert check_branch(name) == name
    assert is_git_branch(name)


@pytest.mark.parametrize("name", ONLY_OURS)
def test_what_the_muse_client_can_name_and_nothing_can_misread_is_accepted(name: str) -> None:
    assert check_branch(name) == name
    assert not is_git_branch(name)


@pytest.mark.parametrize("name", [*BAD_BRANCHES, *UNSEEN_BRANCHES, *NOT_TEXT])
def test_a_branch_name_that_something_could_misread_is_refused(name: Any) -> None:
    with pytest.raises(Invalid, match="not a branch name"):
        check_branch(name)


def test_a_file_that_is_also_a_folder_is_refused_by_name() -> None:
    check_tree(["a/b", "a/c", "a-b", "a.txt", "ab", "b", "a!"])
    for clash in (["a", "a/b"], ["a/b/c", "x", "a-x", "a", "a!b"], ["a/b", "a/b/c/d", "a/bc"]):
        with pytest.raises(Invalid, match="a file and a folder at once: 'a"):
            check_tree(clash)


@given(st.sets(st.lists(st.sampled_from(["a", "b", "a!", "a-", "é"]), min_size=1, max_size=4).map("/".join)))
def test_the_tree_check_agrees_with_a_plain_search_for_clashes(paths: set[str]) -> None:
    clash = any(other.startswith(path + "/") for path in paths for other in paths)
    if clash:
        with pytest.raises(Invalid):
            check_tree(paths)
    else:
        check_tree(paths)


def test_many_deep_paths_take_memory_by_their_length_not_by_its_square() -> None:
    deepest = ["a/" * 2040 + str(number) for number in range(100)]
    paths = [f"{number}/{path}" for number, path in enumerate(deepest)]
    tracemalloc.start()
    check_tree(paths)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 4 * sum(map(len, paths))


@pytest.mark.parametrize("name", ["ada", "Ada.B-c_d", "0", "x" * 100, "sha256"])
def test_a_plain_word_can_be_an_owner_or_a_slug(name: str) -> None:
    assert check_name(name, "slug") == check_owner(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a..b", "-a", "_a", ".a", "a/b", "a b", "é", "a.lock", "a\n", "x" * 101, *NOT_TEXT]
)
def test_what_a_path_or_a_url_would_read_differently_cannot_be_a_name(name: Any) -> None:
    with pytest.raises(Invalid, match=r"^slug is not a name"):
        check_name(name, "slug")


@pytest.mark.parametrize("word", sorted(RESERVED_OWNERS))
def test_words_of_the_hub_s_own_paths_cannot_be_owners(word: str) -> None:
    for spelling in (word, word.upper()):
        with pytest.raises(Invalid, match="reserved"):
            check_owner(spelling)
