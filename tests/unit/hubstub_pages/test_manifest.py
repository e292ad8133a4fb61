"""Folders found in a snapshot's record, also in one with as many files as a snapshot may have."""

from __future__ import annotations

import msgpack
import pytest

from hubstub.pages.manifest import first_entries, iter_entries, list_folder
from museui.core.ids import ObjectId
from museui.core.limits import Limits
from museui.core.names import check_path

FILES = ["a.txt", "a/one", "a/two/three", "b.txt", "ab/x", "a/two/four", "zz"]


def _record(paths: list[str], **fields: object) -> bytes:
    manifest = {path: f"{number:064x}" for number, path in enumerate(paths)}
    packed: bytes = msgpack.packb({"snapshot_id": "0" * 64, "manifest": manifest, "created_at": "", **fields})
    return packed


RECORD = _record(FILES, directories=["empty"], more={"nested": [1, {"manifest": {"x": "y"}}]})


def test_entries_are_those_of_the_manifest_alone() -> None:
    assert [path for path, _ in iter_entries(RECORD)] == FILES
    assert list(iter_entries(msgpack.packb({}))) == []


def test_folder_has_what_lies_right_in_it() -> None:
    root = list_folder(iter_entries(RECORD), "", "", 100)
    assert root and root.folders == [("a", 3), ("ab", 1)]
    assert [name for name, _ in root.files] == ["a.txt", "b.txt", "zz"]
    assert (root.total, root.after) == (7, "")
    below = list_folder(iter_entries(RECORD), "a/two", "", 100)
    assert below and [name for name, _ in below.files] == ["four", "three"] and below.total == 2


@pytest.mark.parametrize("path", ["A", "a/", "a/tw", "b.txt/x", "nothing", "/a", "a//two", ".."])
def test_path_that_is_not_there_is_none(path: str) -> None:
    assert list_folder(iter_entries(RECORD), path, "", 100) is None


def test_file_is_found_by_its_path() -> None:
    found = list_folder(iter_entries(RECORD), "a/two/three", "", 100)
    assert found and found.file == ObjectId(f"{2:064x}")


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_of_a_folder_have_everything_once(limit: int) -> None:
    after, seen = "", []
    while True:
        page = list_folder(iter_entries(RECORD), "", after, limit)
        assert page and len(page.folders) + len(page.files) <= limit
        seen += [name for name, _ in page.folders] + [name for name, _ in page.files]
        after = page.after
        if not after:
            break
    assert seen == ["a", "ab", "a.txt", "b.txt", "zz"]


def test_largest_snapshot_there_can_be_is_listed_a_page_at_a_time() -> None:
    number = Limits().max_manifest_entries
    paths = [check_path(f"d{at % 1000:03}/f{at:06}" if at % 2 else f"f{at:06}") for at in range(number)]
    record = _record(paths)
    page = list_folder(iter_entries(record), "", "", 300)
    assert page and len(page.folders) == 300 and page.total == number and page.after == "dd599"
    page = list_folder(iter_entries(record), "", "ff100000", 300)
    assert page and page.files[0][0] == "f100002" and len(page.files) == 300
    assert first_entries(iter_entries(record), 500) == ([], number)


def test_few_files_come_sorted() -> None:
    files, total = first_entries(iter_entries(RECORD), 7)
    assert [path for path, _ in files] == sorted(FILES) and total == 7
