"""What is left out of a snapshot: the fixed rules, and `.museignore` with gitignore's meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.core.errors import Usage
from museui.repo.ignore import NEVER_ENTERED, IgnoreRules, parse_ignore, read_ignore_rules


def skips(rules: IgnoreRules, path: str) -> bool:
    """Whether a walk from the top would leave the file out."""
    parts = path.split("/")
    folders = ["/".join(parts[: end + 1]) for end in range(len(parts) - 1)]
    if any(rules.skips_folder(folder, folder.rsplit("/", 1)[-1]) for folder in folders):
        return True
    return rules.skips_file(path, parts[-1])


@pytest.mark.parametrize("name", [*sorted(NEVER_ENTERED), ".museui-0a.tmp"])
def test_some_folders_are_never_entered_at_any_depth(name: str) -> None:
    rules = IgnoreRules(["!*"])
    assert rules.skips_folder(name, name) and rules.skips_folder(f"a/b/{name}", name)


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        ".envrc",
        "server.pem",
        "id.key",
        "a.p12",
        "a.pfx",
        ".DS_Store",
        "Thumbs.db",
        ".git",
        ".museui-0a.tmp",
    ],
)
def test_some_files_are_never_taken_whatever_the_patterns_say(name: str) -> None:
    rules = IgnoreRules([f"!{name}"])
    assert skips(rules, name) and skips(rules, f"a/b/{name}")


@pytest.mark.parametrize(
    "path",
    [".museignore", ".hidden", ".github/x", "env", "x.env", "key", "a.keys", "build", "dist", "builds/x", "pem/x"],
)
def test_dot_files_and_names_that_only_look_alike_are_taken(path: str) -> None:
    assert not skips(IgnoreRules([]), path)


@pytest.mark.parametrize(
    ("patterns", "left_out", "taken"),
    [
        (["*.wav"], ["a.wav", "x/y/a.wav"], ["a.wave", "wav"]),
        (["/top.txt"], ["top.txt"], ["x/top.txt"]),
        (["out/"], ["out/a", "x/out/b"], ["out"]),
        (["a/b"], ["a/b", "a/b/c"], ["x/a/b"]),
        (["**/tmp"], ["tmp", "x/tmp", "x/tmp/y"], ["tmpx"]),
        (["a/**/z"], ["a/z", "a/b/z", "a/b/c/z"], ["z"]),
        (["*.mid", "!keep.mid"], ["a.mid"], ["keep.mid", "x/keep.mid"]),
        (["dir/", "!dir/keep"], ["dir/keep"], []),
        (["dir/*", "!dir/keep"], ["dir/x"], ["dir/keep"]),
        (["# comment", "", "\\#real"], ["#real"], ["# comment"]),
        (["file[0-9].txt"], ["file1.txt"], ["filex.txt"]),
        (["café"], ["café"], ["cafe"]),
    ],
)
def test_patterns_mean_what_they_mean_to_git(patterns: list[str], left_out: list[str], taken: list[str]) -> None:
    rules = IgnoreRules(patterns)
    assert [path for path in left_out if not skips(rules, path)] == []
    assert [path for path in taken if skips(rules, path)] == []


def test_global_patterns_come_before_those_of_the_domain(tmp_path: Path) -> None:
    text = '[global]\npatterns = ["*.tmp"]\n[domain.midi]\npatterns = ["!keep.tmp"]\n[domain.code]\npatterns = ["x"]\n'
    assert parse_ignore(text, "midi") == ["*.tmp", "!keep.tmp"]
    assert parse_ignore(text, "code") == ["*.tmp", "x"]
    assert parse_ignore(text, "other") == ["*.tmp"]
    assert parse_ignore("", "midi") == []
    (tmp_path / ".museignore").write_text(text)
    rules = read_ignore_rules(str(tmp_path), "midi")
    assert skips(rules, "a.tmp") and not skips(rules, "keep.tmp")


def test_without_a_file_only_the_fixed_rules_hold(tmp_path: Path) -> None:
    rules = read_ignore_rules(str(tmp_path), "midi")
    assert skips(rules, "a.pem") and not skips(rules, "a.tmp")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"*.wav\n", "not valid TOML"),
        (b"global = 3", "[global] patterns is not a list"),
        (b"[global]\npatterns = 'x'", "[global] patterns is not a list"),
        (b"[global]\npatterns = [1]", "[global] patterns is not a list"),
        (b"domain = 3", "[domain] is not a table"),
        (b"[domain.midi]\npatterns = {}", "[domain.midi] patterns is not a list"),
        (b"\xff", "not valid UTF-8"),
        (b"\xff\xfe", "must be UTF-8"),
        (b"[global]\npatterns = ['!']", "a pattern cannot be understood"),
    ],
)
def test_a_file_that_makes_no_sense_stops_the_snapshot(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / ".museignore").write_bytes(content)
    with pytest.raises(Usage) as caught:
        read_ignore_rules(str(tmp_path), "midi")
    assert ".museignore" in caught.value.message and said in caught.value.message
