"""What a bundle is made of, and in which order."""

from __future__ import annotations

import random
from pathlib import Path

from museui.core.bundle import ObjectEntry, read_bundle
from museui.core.frames import iter_raw
from museui.core.ids import CommitId
from museui.core.limits import Limits
from museui.repo.repository import Repository
from museui.sync.content import Content
from museui.sync.kept_bundles import PackedBundle
from museui.sync.missing_commits import walk_missing
from museui.sync.ways.bundle import pack_bundle
from tests.helpers.workload import RepositoryBuilder, sha

FILES, VERSIONS, FILE_BYTES = 8, 6, 100_000


def pack(root: Path, head: str, path: Path) -> PackedBundle:
    repository = Repository.open(root)
    walk = walk_missing(CommitId(head), (), repository.read_commit)
    content = Content(repository, walk, Limits())
    return pack_bundle(content, "main", CommitId(head), path, 1, "test", lambda done, total: None)


def test_versions_of_a_file_lie_side_by_side_so_that_what_they_share_goes_once(tmp_path: Path) -> None:
    dice = random.Random(1)
    builder = RepositoryBuilder(tmp_path / "song")
    files = {f"{number}.bin": bytearray(dice.randbytes(FILE_BYTES)) for number in range(FILES)}
    versions: dict[str, list[str]] = {path: [] for path in files}
    for _ in range(VERSIONS):
        for path, content in files.items():
            content[dice.randrange(FILE_BYTES)] ^= 1
            versions[path].append(sha(bytes(content)))
        builder.commit({path: bytes(content) for path, content in files.items()})

    packed = pack(builder.root, builder.heads["main"], tmp_path / "bundle")

    items = read_bundle(iter_raw([packed.path.read_bytes()], 1 << 30), Limits())
    assert [item.id for item in items if isinstance(item, ObjectEntry)] == [
        object_id for path in sorted(versions) for object_id in versions[path]
    ]
    assert packed.wire_bytes < 2 * FILES * FILE_BYTES < packed.raw_bytes
