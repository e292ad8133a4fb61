"""Damage in a repository: named by everything that says whether it is safe, never built upon, and healed."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from museui.core.ids import CommitId
from museui.repo.history import walk_history
from museui.repo.repository import Repository
from tests.helpers.hub import HubProcess
from tests.helpers.program import Answer, Museui
from tests.helpers.workload import RepositoryBuilder, sha

_numbers = itertools.count()
VERSE = b"la la la\n"


class Work:
    """A repository with a hub: three commits, pushed, the files of the last in the work tree."""

    def __init__(self, root: Path, url: str, museui: Museui, token: str) -> None:
        self.root, self.muse, self.url = root, root / ".muse", url
        self._museui, self._token = museui, token
        builder = RepositoryBuilder(root)
        files: dict[str, bytes] = {}
        for number in range(3):
            files |= {"verse.txt": VERSE * (number + 1), f"{number}.txt": b"take %d" % number}
            builder.commit(files)
        for name, content in files.items():
            (root / name).write_bytes(content)
        with (self.muse / "config.toml").open("a") as config:
            config.write(f'[remotes.origin]\nurl = "{url}"\n')
        self.run("push")

    def __call__(self, *arguments: str | Path) -> Answer:
        return self._museui(*arguments, MUSEUI_TOKEN=self._token)

    def run(self, *arguments: str, code: int = 0) -> Answer:
        answer = self("-C", self.root, *arguments)
        assert answer.code == code, (arguments, answer)
        return answer

    @property
    def head_file(self) -> Path:
        return self.muse / "refs/heads/main"

    @property
    def ids(self) -> list[str]:
        """The commits of what is checked out, newest first."""
        repository = Repository.open(self.root)
        head = repository.read_head()
        commit_id = head.commit_id or repository.branches()[str(head.branch)]
        return [commit.id for commit in walk_history(repository, [commit_id])]

    def check_safe(self) -> None:
        assert self.run("status", "--json").document["safe"] is True
        assert self.run("verify", "--json").document["faults"] == []

    def check_named(self, *words: str) -> None:
        """Status and verify name it."""
        status = self.run("status", "--json", code=1).document
        assert status["safe"] is False
        said = " ".join(reason["message"] for reason in status["reasons"])
        assert all(word in said for word in words), said
        text = self.run("status", code=1).out
        assert "✗ not safe" in text and "✓ safe" not in text and "no commits yet" not in text
        assert self.run("verify", code=1).out


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        yield process


@pytest.fixture
def work(hub: HubProcess, museui: Museui, tmp_path: Path) -> Work:
    return Work(tmp_path / "song", hub.repository(f"song{next(_numbers)}"), museui, hub.token)


def _to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _to_link(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


HEAD_DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "newline": lambda path: path.write_bytes(b"\n"),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "nuls": lambda path: path.write_bytes(b"\0" * 64),
    "garbage": lambda path: path.write_bytes(b"\xffgarbage"),
    "folder": _to_folder,
    "missing": lambda path: path.unlink(),
    "all of refs": lambda path: shutil.rmtree(path.parent.parent),
}


@pytest.mark.parametrize(
    ("damage", "pushed"), [*((name, True) for name in HEAD_DAMAGE), ("empty", False), ("missing", False)]
)
def test_a_branch_that_lost_its_head_is_named_and_gets_no_second_history(work: Work, damage: str, pushed: bool) -> None:
    before = work.ids
    if not pushed:
        shutil.rmtree(work.muse / "remotes")
    HEAD_DAMAGE[damage](work.head_file)
    work.check_named("main")
    (work.root / "new.txt").write_text("new")
    refused = work("-C", work.root, "snapshot", "-m", "second history")
    assert refused.code == 1 and "main" in refused.err and "museui repair" in refused.err
    assert len(list((work.muse / "commits").iterdir())) == 3
    for verb in (["log"], ["push"], ["push", "--all-branches"]):
        assert work("-C", work.root, *verb).code == 1, verb
    healed = work.run("repair")
    assert "branch main is at " + before[0][:12] in healed.out
    assert work.ids == before
    work.run("snapshot", "-m", "goes on")
    assert work.ids[1:] == before
    work.run("push")
    work.check_safe()


def test_a_branch_that_is_a_link_is_named(work: Work) -> None:
    _to_link(work.head_file)
    work.check_named("symbolic link")


def test_what_only_the_log_of_the_muse_client_knows_keeps_a_second_history_away(work: Work) -> None:
    head = work.ids[0]
    shutil.rmtree(work.muse / "remotes")
    log = work.muse / "logs/refs/heads/topic"
    log.parent.mkdir(parents=True)
    log.write_text(f"{'0' * 64} {head} ada 1795328920 +0000\tbranch: created from main\n")
    (work.muse / "HEAD").write_text("ref: refs/heads/topic\n")
    (work.muse / "refs/heads/topic").write_text("")
    work.check_named("topic")
    assert work("-C", work.root, "snapshot", "-m", "x").code == 1
    work.run("repair")
    assert (work.muse / "refs/heads/topic").read_text() == head


def test_a_branch_before_its_first_commit_is_no_damage(museui: Museui, tmp_path: Path, work: Work) -> None:
    museui("init", "fresh")
    status = museui("-C", "fresh", "status")
    assert (status.code, status.out.strip()) == (0, "no commits yet")
    (work.muse / "HEAD").write_text("ref: refs/heads/orphan\n")
    work.check_safe()
    (work.root / "other.txt").write_text("x")
    assert work.run("snapshot", "-m", "first of another", "--json").document["parent"] is None


def test_a_first_snapshot_that_was_killed_before_its_branch_is_finished_by_the_next(
    museui: Museui, tmp_path: Path
) -> None:
    museui("init", "fresh")
    (tmp_path / "fresh/verse.txt").write_text("la")
    killed = museui("-C", "fresh", "snapshot", "-m", "one", MUSEUI_FAILPOINT="snapshot.commit_written")
    assert killed.code < 0
    status = museui("-C", "fresh", "status")
    assert status.code == 1 and "no commits yet" not in status.out and "museui repair" in status.out
    assert museui("-C", "fresh", "snapshot", "-m", "one").err == "nothing to commit\n"
    assert museui("-C", "fresh", "log").out.count("one") == 1
    assert museui("-C", "fresh", "verify").code == 0


def test_what_was_fetched_and_never_taken_is_not_built_over(work: Work, museui: Museui, tmp_path: Path) -> None:
    other = tmp_path / "other"
    museui("init", other)
    work("-C", other, "remote", "add", "origin", work.url)
    work("-C", other, "fetch")
    (other / "own.txt").write_text("x")
    refused = work("-C", other, "snapshot", "-m", "second history")
    assert refused.code == 1 and "museui pull" in refused.err
    assert work("-C", other, "pull").code == 0
    assert work("-C", other, "snapshot", "-m", "on top", "--json").document["parent"] is not None


def test_two_former_heads_are_a_persons_choice(work: Work) -> None:
    head = work.ids[0]
    work.head_file.write_text(work.ids[1])
    (work.root / "fork.txt").write_text("fork")
    work.run("snapshot", "-m", "fork")
    fork = work.ids[0]
    work.head_file.write_text("")
    said = work.run("repair", code=1).out
    assert head in said and fork in said and "--set main=" in said
    work.run("repair", "--set", f"main={head}")
    work.check_safe()


@pytest.mark.parametrize(
    "content", ["", "rubbish", "ref: refs/heads/../x", "ref: refs/tags/x", "\0" * 30, "commit: ab"]
)
def test_a_damaged_head_is_never_safe_and_changes_nothing(work: Work, content: str) -> None:
    (work.muse / "HEAD").write_text(content)
    work.check_named("HEAD")
    assert work.run("status", "--json", code=1).document["current_branch"] is None
    for verb in (["snapshot", "-m", "x"], ["push"], ["pull"], ["log"], ["branch", "x"]):
        answer = work("-C", work.root, *verb)
        assert answer.code == 1 and "HEAD" in answer.err and "Traceback" not in answer.err, verb
    assert len(list((work.muse / "commits").iterdir())) == 3
    work.run("push", "--all-branches")
    work.run("repair")
    work.check_safe()


def test_a_damaged_head_of_several_branches_is_a_persons_choice(work: Work) -> None:
    (work.muse / "refs/heads/side").write_text(work.ids[1])
    work.run("push", "--all-branches")
    (work.muse / "HEAD").unlink()
    assert "museui repair --head NAME" in work.run("repair", code=1).out
    work.run("repair", "--head", "main")
    work.check_safe()


def test_a_commit_on_no_branch_is_not_safe_until_it_is_on_one(work: Work) -> None:
    (work.muse / "HEAD").write_text(f"commit: {work.ids[1]}\n")
    status = work.run("status", "--json").document
    assert status["safe"] and status["detached"] == "sha256:" + work.ids[0]
    (work.root / "new.txt").write_text("new")
    taken = work.run("snapshot", "-m", "on no branch")
    assert "museui branch NAME" in taken.err
    status = work.run("status", "--json", code=1).document
    assert status["safe"] is False and "on no branch" in status["reasons"][0]["message"]
    assert work("-C", work.root, "push").code == 2
    work.run("branch", "kept")
    assert work("-C", work.root, "branch", "kept").code == 2
    assert work.run("status", "--json", code=1).document["reasons"] == []
    work.run("push")
    work.check_safe()


RECORDS = ["commits", "snapshots"]


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize(
    ("age", "size", "verb"), [(0, 0, "fetch"), (0, 100, "pull"), (2, 0, "pull"), (1, 100, "fetch")]
)
def test_a_record_that_is_cut_short_comes_again(work: Work, kind: str, age: int, size: int, verb: str) -> None:
    commit = Repository.open(work.root).read_commit(CommitId(work.ids[age]))
    record = commit.id if kind == "commits" else commit.snapshot_id
    path = work.muse / kind / f"{record}.json"
    content = path.read_bytes()
    path.write_bytes(content[:size])
    assert record[:12] in work.run("verify", code=1).out
    if age == 0:
        work.check_named(record)
    work.run(verb)
    assert path.read_bytes() == content
    work.check_safe()


@pytest.mark.parametrize("content", [b"", b"l", None])
def test_an_object_that_is_damaged_is_named_and_comes_again(work: Work, content: bytes | None) -> None:
    path = _object(work, VERSE * 3)
    _damage(path, content)
    work.check_named("verse.txt")
    (work.root / "verse.txt").write_bytes(b"something else")
    if content == b"l":
        work.run("repair", code=0)
    else:
        work.run("fetch")
    assert path.read_bytes() == VERSE * 3
    work.check_safe()


@pytest.mark.parametrize("content", [b"", b"l", None])
def test_an_object_whose_file_is_there_is_written_again_by_a_snapshot(work: Work, content: bytes | None) -> None:
    path = _object(work, VERSE * 3)
    _damage(path, content)
    work.run("snapshot", "-m", "nothing new")
    assert path.read_bytes() == VERSE * 3
    work.check_safe()


def test_without_a_hub_an_object_is_healed_from_the_work_tree(work: Work) -> None:
    path = _object(work, VERSE * 3)
    path.write_bytes(VERSE * 2 + b"la la lA\n")
    (work.root / "verse.txt").rename(work.root / "moved.txt")
    said = work.run("repair", "--no-hub", "--json").document
    assert said["ok"] and path.name[:6] in said["healed"][0]
    work.check_safe()


def test_what_neither_has_stays_named(work: Work) -> None:
    (work.root / "late.txt").write_text("not pushed")
    work.run("snapshot", "-m", "late")
    (work.root / "late.txt").unlink()
    _object(work, b"not pushed").unlink()
    work.check_named("late.txt")
    refused = work.run("push", code=1)
    assert "'late.txt'" in refused.err and "museui repair" in refused.err
    assert "late.txt" in work.run("repair", code=1).out


def test_notes_of_a_remote_that_are_damaged_are_named_and_written_anew(work: Work) -> None:
    path = work.muse / "remotes/origin/main"
    path.write_text("rubbish")
    work.check_named("remotes/origin/main")
    work.run("fetch")
    work.check_safe()
    path.write_text("")
    assert work.run("status", "--json", code=1).document["safe"] is False
    work.run("push")
    work.check_safe()


def test_one_bad_branch_of_ten_is_named_and_nine_are_pushed(work: Work) -> None:
    head = work.ids[0]
    for number in range(9):
        (work.muse / f"refs/heads/b{number}").write_text(head)
    (work.muse / "refs/heads/b4x").write_text("rubbish")
    (work.muse / "refs/heads/..odd").write_text(head)
    status = work.run("status", "--json", code=1).document
    assert {state["branch"] for state in status["branches"]} == {"main", *(f"b{number}" for number in range(9))}
    pushed = work.run("push", "--all-branches", "--json", code=1).document
    outcome = {document["branch"]: document["ok"] for document in pushed["pushes"]}
    assert outcome == {"main": True, **{f"b{number}": True for number in range(9)}, "b4x": False, "..odd": False}
    assert pushed["ok"] is False
    text = work.run("push", "--all-branches", code=1)
    assert "b4x" in text.err and "..odd" in text.err
    assert "b4x" in work.run("log").out or work.run("log").code == 0
    work.check_named("b4x", "..odd")


ODD = [
    "my idea",
    "a~1",
    "a:b",
    "a^b",
    "a?b",
    "a*b",
    "a[b]",
    "x.lock",
    "HEAD",
    "@",
    "dot.",
    "d.lock/x",
    "naïve",
    "nai\u0308ve",
    "Main",
    "🎵",
]


def test_branches_that_only_the_muse_client_names_go_to_the_hub_and_come_back(work: Work, tmp_path: Path) -> None:
    head = work.ids[0]
    for name in ODD:
        path = work.muse / "refs/heads" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(head)
    assert work.run("status", "--json", code=1).document["reasons"] == []
    work.run("push", "--all-branches")
    work.check_safe()
    assert work("clone", work.url, tmp_path / "copy").code == 0
    assert set(Repository.open(tmp_path / "copy").refs.tracking_names("origin")) == {"main", *ODD}
    for name in ODD:
        assert work("-C", tmp_path / "copy", "pull", "--branch", name).code == 0
    copy = Repository.open(tmp_path / "copy").branches()
    assert copy == dict.fromkeys(["main", *ODD], head) and copy.faults == ()
    assert work("clone", work.url, tmp_path / "idea", "--branch", "my idea").code == 0
    assert (tmp_path / "idea/.muse/HEAD").read_text() == "ref: refs/heads/my idea\n"


def test_a_branch_of_the_hub_that_cannot_be_carried_is_named_and_the_rest_comes(
    work: Work, hub: HubProcess, tmp_path: Path
) -> None:
    (work.muse / "refs/heads/odd").write_text(work.ids[1])
    work.run("push", "--all-branches")
    with closing(sqlite3.connect(hub.data_dir / "hub.sqlite3")) as index, index:
        index.execute("UPDATE branches SET name = '..odd' WHERE name = 'odd'")
    cloned = work("clone", work.url, tmp_path / "copy")
    assert cloned.code == 1 and "..odd" in cloned.err
    copy = Repository.open(tmp_path / "copy")
    assert copy.branches() == {"main": work.ids[0]} and copy.read_tracking("origin", "main") == work.ids[0]
    fetched = work("-C", tmp_path / "copy", "fetch", "--json")
    assert fetched.code == 1 and "..odd" in fetched.document["faults"][0]["message"]
    assert work("-C", tmp_path / "copy", "pull").code == 0
    assert work("-C", tmp_path / "copy", "verify").code == 0


def test_one_remote_that_makes_no_sense_is_named_and_the_others_are_used(work: Work) -> None:
    with (work.muse / "config.toml").open("a") as config:
        config.write("[remotes.bad]\nurl = 3\n")
    work.check_named("[remotes.bad]")
    (work.root / "more.txt").write_text("more")
    work.run("snapshot", "-m", "more")
    work.run("push")
    work.run("pull")
    assert "[remotes.bad]" in work.run("push", "--remote", "bad", code=2).err
    work.run("remote", "remove", "bad")
    work.check_safe()


def _object(work: Work, content: bytes) -> Path:
    digest = sha(content)
    return work.muse / "objects" / digest[:2] / digest[2:]


def _damage(path: Path, content: bytes | None) -> None:
    path.unlink()
    if content is not None:
        path.write_bytes(content)


def test_builder_repositories_of_other_clients_are_judged_alike(museui: Museui, tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "song")
    builder.commit({"a": b"1"})
    (builder.muse / "refs/heads/main").write_text("")
    answer = museui("-C", builder.root, "status", "--json")
    assert answer.code == 1 and answer.document["safe"] is False


def test_an_emptied_branch_whose_commits_the_hub_has_is_pulled_again(work: Work) -> None:
    before = work.ids
    shutil.rmtree(work.muse / "remotes")
    work.head_file.write_text("")
    work.run("pull")
    assert work.ids == before
    work.check_safe()


def test_a_pull_does_not_give_up_commits_that_the_hub_lacks(work: Work) -> None:
    (work.root / "own.txt").write_text("own")
    work.run("snapshot", "-m", "not pushed")
    before = work.ids
    work.head_file.write_text("")
    refused = work.run("pull", code=1)
    assert "museui repair" in refused.err and work.head_file.read_text() == ""
    work.run("repair")
    assert work.ids == before
