"""Writing: the old file or the new one, never half of one, and nothing left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from museui.core.errors import MuseError
from museui.repo.atomic import write_file
from museui.repo.group import FileGroup

GROUP_OF_THREE = """
import sys
from museui.core.failpoints import arm
from museui.repo.atomic import write_file
from museui.repo.group import FileGroup
arm(sys.argv[2])
write_file(sys.argv[1] + "/ref", b"new")
with FileGroup(sys.argv[1]) as group:
    for name in "abc":
        group.add(sys.argv[1] + "/deep/" + name, [b"1", b"2"])
"""


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_file_is_replaced_and_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a/b/c"
    write_file(str(path), b"one")
    write_file(str(path), b"two", sync=False)
    assert path.read_bytes() == b"two"
    assert names(tmp_path) == {"a/b/c"}


def test_a_link_is_replaced_not_written_through(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(target)
    write_file(str(tmp_path / "link"), b"new")
    assert target.read_bytes() == b"precious"
    assert not (tmp_path / "link").is_symlink()


def test_the_mode_is_the_umask_s_unless_exact(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_file(str(tmp_path / "usual"), b"")
        write_file(str(tmp_path / "exact"), b"", mode=0o640, exact_mode=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "usual").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "exact").stat().st_mode) == 0o640


def test_a_file_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder/x").mkdir(parents=True)
    for path in (tmp_path / "file/below", tmp_path / "folder"):
        with pytest.raises(MuseError, match="cannot write"):
            write_file(str(path), b"new")
    assert names(tmp_path) == {"file"}
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    script = "import resource, sys\nfrom museui.repo.atomic import write_file\n"
    script += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    script += "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\nwrite_file(sys.argv[1], b'x' * 5000)\n"
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "f")], capture_output=True, check=False)
    assert b"museui.core.errors.Unavailable: cannot write" in done.stderr
    assert names(tmp_path) == set()


def test_a_group_has_its_names_only_at_the_end(tmp_path: Path) -> None:
    with FileGroup(str(tmp_path)) as group:
        for name in ("x/1", "x/2", "y/1"):
            group.add(str(tmp_path / name), [name.encode(), b"!"])
        assert str(tmp_path / "x/1") in group
        assert not (tmp_path / "x/1").exists()
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == {
        "x/1": b"x/1!",
        "x/2": b"x/2!",
        "y/1": b"y/1!",
    }
    assert str(tmp_path / "x/1") not in group


def test_a_group_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), FileGroup(str(tmp_path)) as group:
        group.add(str(tmp_path / "a"), [b"whole"])
        group.add(str(tmp_path / "b"), broken())
    assert names(tmp_path) == set()


def test_the_same_name_twice_in_a_group_is_the_last(tmp_path: Path) -> None:
    with FileGroup(str(tmp_path)) as group:
        group.add(str(tmp_path / "a"), [b"first"])
        group.add(str(tmp_path / "a"), [b"second"])
    assert (tmp_path / "a").read_bytes() == b"second"
    assert names(tmp_path) == {"a"}


def test_a_name_that_cannot_be_given_fails_the_group(tmp_path: Path) -> None:
    (tmp_path / "taken/x").mkdir(parents=True)
    with pytest.raises(MuseError, match="cannot write"), FileGroup(str(tmp_path)) as group:
        group.add(str(tmp_path / "taken"), [b"1"])
        group.add(str(tmp_path / "b"), [b"2"])
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    ("place", "there"), [("atomic.before_rename", {"ref": b"old"}), ("group.synced", {"ref": b"new"})]
)
def test_killed_before_the_rename_the_old_state_stands_and_the_next_run_clears_up(
    tmp_path: Path, place: str, there: dict[str, bytes]
) -> None:
    (tmp_path / "ref").write_bytes(b"old")
    script = [sys.executable, "-c", GROUP_OF_THREE, str(tmp_path)]
    assert subprocess.run([*script, place], check=False).returncode == -signal.SIGKILL
    left = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    assert {name: content for name, content in left.items() if ".tmp" not in name} == there
    assert len(left) > len(there)
    assert subprocess.run([*script, "none"], check=False).returncode == 0
    assert names(tmp_path) == {"ref", "deep/a", "deep/b", "deep/c"}
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["deep"]
