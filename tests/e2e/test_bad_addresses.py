"""An address that cannot be one is named as such, wherever it comes from: the command line or a repository's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.program import Museui
from tests.helpers.workload import RepositoryBuilder

BAD = [
    "http://[::1",
    "http://hub.test:99999",
    "http://hub.test:0",
    "http://a..b",
    "https://xn--zzzzzz",
    "http://[fe80::1%25x]",
]


@pytest.mark.parametrize("base", BAD)
def test_a_bad_address_is_named_by_every_command(museui: Museui, tmp_path: Path, base: str) -> None:
    builder = RepositoryBuilder(tmp_path / "song")
    builder.commit({"a": b"1"})
    url = f"{base}/ada/song"
    commands: list[tuple[str, ...]] = [
        ("remote", "add", "origin", url),
        ("clone", url, "copy"),
        ("login", base),
        ("keys", "enrol", base),
        ("bench", "--hub", base, "--size", "small"),
        *((verb, "--remote", url) for verb in ("push", "fetch", "pull", "status")),
    ]
    with (builder.muse / "config.toml").open("a") as file:
        file.write(f'[remotes.origin]\nurl = "{url}"\n')
    commands += [(verb,) for verb in ("push", "fetch", "pull")]
    assert museui("-C", builder.root, "keys", "generate").code == 0
    for command in commands:
        answer = museui("-C", builder.root, *command, MUSEUI_TOKEN="x")
        assert answer.code == 2, (command, answer.code, answer.err)
        assert "error:" in answer.err and "should not have happened" not in answer.err, command
    for command in (("status",), ("doctor",), ("verify",), ("remote", "list"), ("watch", "list")):
        assert "should not have happened" not in museui("-C", builder.root, *command).err
