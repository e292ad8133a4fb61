"""The spool keeps one packed bundle of a target until the push is over, and nothing else."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from museui.core.errors import Busy
from museui.core.ids import BundleId, CommitId
from museui.sync.kept_bundles import KeptBundles, PackedBundle, open_kept_bundles

HEAD, OTHER, BASE = CommitId("a" * 64), CommitId("b" * 64), CommitId("c" * 64)
REPOSITORY, URL = Path("/music/song"), "http://hub/ada/song"


def pack(spool: KeptBundles, head: CommitId = HEAD, content: bytes = b"packed") -> PackedBundle:
    part = spool.part_path(head, [BASE], "tool/1")
    part.write_bytes(content)
    digest = BundleId(hashlib.sha256(content).hexdigest())
    return spool.keep(part, PackedBundle(part, digest, len(content), 9, 1, 1, 1, 3))


def test_a_kept_bundle_is_found_by_what_it_was_made_from(tmp_path: Path) -> None:
    with open_kept_bundles(tmp_path, REPOSITORY, URL, "main") as spool:
        kept = pack(spool)
    with open_kept_bundles(tmp_path, REPOSITORY, URL, "main") as spool:
        assert spool.find(HEAD, [BASE], "tool/1") == kept
        assert kept.path.read_bytes() == b"packed"
        assert spool.find(OTHER, [BASE], "tool/1") is None
        assert spool.find(HEAD, [], "tool/1") is None
        assert spool.find(HEAD, [BASE], "tool/2") is None
    with open_kept_bundles(tmp_path, REPOSITORY, URL, "other") as spool:
        assert spool.find(HEAD, [BASE], "tool/1") is None


def test_a_bundle_whose_bytes_changed_is_not_found(tmp_path: Path) -> None:
    with open_kept_bundles(tmp_path, REPOSITORY, URL, "main") as spool:
        kept = pack(spool)
        kept.path.write_bytes(b"Packed")
        assert spool.find(HEAD, [BASE], "tool/1") is None


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b'{"bundle_id": 3}', b"\xff"])
def test_a_damaged_note_means_packing_again(tmp_path: Path, rubbish: bytes) -> None:
    with open_kept_bundles(tmp_path, REPOSITORY, URL, "main") as spool:
        pack(spool).path.with_suffix(".json").write_bytes(rubbish)
        assert spool.find(HEAD, [BASE], "tool/1") is None


def test_packing_another_head_removes_what_was_kept(tmp_path: Path) -> None:
    with open_kept_bundles(tmp_path, REPOSITORY, URL, "main") as spool:
        pack(spool)
        pack(spool, OTHER, b"other")
        assert spool.find(HEAD, [BASE], "tool/1") is None
    assert len(list(tmp_path.glob("*.bundle"))) == 1


def test_nothing_is_left_when_nothing_is_kept(tmp_path: Path) -> None:
    with open_kept_bundles(tmp_path, REPOSITORY, URL, "main") as spool:
        pack(spool)
        spool.clear()
    with pytest.raises(ZeroDivisionError), open_kept_bundles(tmp_path, REPOSITORY, URL, "main") as spool:
        spool.part_path(HEAD, [], "tool/1").write_bytes(b"half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_two_processes_never_push_one_target_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from museui.sync.kept_bundles import open_kept_bundles\n"
        "with open_kept_bundles(Path(sys.argv[1]), Path('/music/song'), 'http://hub/ada/song', 'main'):\n"
        "    print('locked', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdin
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(Busy), open_kept_bundles(tmp_path, REPOSITORY, URL, "main"):
            pass
        with open_kept_bundles(tmp_path, REPOSITORY, URL, "another"):
            pass
        other.stdin.close()
    with open_kept_bundles(tmp_path, REPOSITORY, URL, "main"):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from museui.sync.kept_bundles import open_kept_bundles\n"
        "with open_kept_bundles(Path(sys.argv[1]), Path('/music/song'), 'http://hub/ada/song', 'main'):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == -9
    with open_kept_bundles(tmp_path, REPOSITORY, URL, "main"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_came_back_for_goes_in_time(tmp_path: Path) -> None:
    with open_kept_bundles(tmp_path, REPOSITORY, URL, "main") as spool:
        kept = pack(spool)
    long_ago = time.time() - 40 * 86400
    for path in (kept.path, kept.path.with_suffix(".json")):
        os.utime(path, (long_ago, long_ago))

    def push_another() -> None:
        with open_kept_bundles(tmp_path, REPOSITORY, URL, "another"):
            pass

    push_another()
    push_another()
    assert kept.path.exists(), "by a clock that may have been put forward by mistake"
    (found,) = tmp_path.glob("*.bundle.old")
    os.utime(kept.path)
    push_another()
    assert kept.path.exists() and not found.exists()
    os.utime(kept.path, (long_ago, long_ago))
    push_another()
    for mark in tmp_path.glob("*.old"):
        os.utime(mark, (time.time() - 90_000, time.time() - 90_000))
    push_another()
    assert list(tmp_path.glob("*.bundle*")) == []
