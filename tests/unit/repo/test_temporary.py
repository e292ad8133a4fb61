"""Clearing up after the dead, and only after them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from museui.core.errors import Invalid
from museui.core.names import check_branch
from museui.repo.temporary import is_temporary, new_name, sweep_folder

OTHERS_NAME = "from museui.repo.temporary import new_name; print(new_name())"


def name_of_the_dead() -> str:
    done = subprocess.run([sys.executable, "-c", OTHERS_NAME], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def sweep(folder: Path) -> set[str]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        sweep_folder(handle)
    finally:
        os.close(handle)
    return {path.name for path in folder.iterdir()}


def test_what_a_dead_process_left_goes_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / name_of_the_dead()).write_text("half")
    folder = tmp_path / name_of_the_dead()
    folder.mkdir()
    (folder / "deep").mkdir()
    (folder / "1").write_text("half")
    (folder / "deep/2").write_text("half")
    assert sweep(tmp_path) == set()


def test_what_the_living_and_other_machines_write_stays(tmp_path: Path) -> None:
    dead = name_of_the_dead()
    machine = dead.split("-")[1]
    elsewhere = dead.replace(machine, "00000000" if machine != "00000000" else "11111111")
    odd = [".museui-x.tmp", ".museui-.tmp", f".museui-{machine}-x-y.tmp", f".museui-{machine}-{'9' * 40}x.tmp"]
    kept = {new_name(), elsewhere, "file", ".tmp", ".museui-", dead + ".txt", *odd}
    for name in kept:
        (tmp_path / name).write_text("")
    assert sweep(tmp_path) == kept


def test_a_link_of_such_a_name_goes_and_what_it_points_at_stays(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target/precious").write_text("")
    (tmp_path / "swept").mkdir()
    (tmp_path / "swept" / name_of_the_dead()).symlink_to(tmp_path / "target")
    assert sweep(tmp_path / "swept") == set()
    assert (tmp_path / "target/precious").exists()


def test_a_name_is_used_once_and_is_never_a_branch() -> None:
    first, second = new_name(), new_name()
    assert first != second and is_temporary(first) and not is_temporary("main")
    with pytest.raises(Invalid):
        check_branch(first)
