"""Two people, two daemons and a hub, and everything that may happen to them, in any order.

What is checked after each step: no content that a person wrote is gone from everywhere, no commit says what nobody did,
and ``museui status`` calls safe only what the hub has, as far as it has had the chance to know. At quiet points, when
disks have room, hub and daemons run and the daemons have looked once more, what daemon, ``status`` and ``doctor`` call
safe must come back from the hub byte for byte.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import hubstub.push
from museui.core.errors import MuseError
from museui.repo.unfinished import NOTE
from museui.sync.push import FAILPOINTS

from .faults import LOCAL, WAYS, HubFaults, LocalFaults
from .model import Model, Person, read_commit, read_heads, read_history, read_tree, sha
from .world import PEOPLE, SLUG, Broken, Ground, Member, World, sync

PATHS = ("a.txt", "b.txt", "take/c.wav", "take/d.wav", "deep/er/e.txt", "build/x", "ä.txt")
BRANCHES = ("main", "side", "deep/er", "my idea")
CLIENT_PLACES = (
    *FAILPOINTS,
    "atomic.before_rename",
    "atomic.before_rename:4",
    "snapshot.objects_written",
    "snapshot.commit_written",
    "group.synced",
    "checkout.noted",
    "checkout.staged",
    "checkout.between_files:2",
    "checkout.moved",
    "checkout.written",
)
HUB_PLACES = tuple(hubstub.push.FAILPOINTS)
UNNAMEABLE = "c:x"
VERBS = {
    "push": ("push", "--no-daemon"),
    "pull": ("pull",),
    "fetch": ("fetch",),
    "snapshot": ("snapshot", "-m", "killed"),
    "repair": ("repair",),
}
IGNORED_WAV = '[global]\npatterns = ["*.wav"]\n'

people = st.sampled_from(PEOPLE)
paths = st.sampled_from(PATHS)
texts = st.sampled_from(("one", "two", "three", ""))
sizes = st.sampled_from((1, 9, 3000))
numbers = st.integers(0, 1 << 16)
moments_s = st.sampled_from((0.005, 0.02, 0.05, 0.1, 0.2))
ways_to_push = st.sampled_from((None, "push", "push --no-daemon"))
signals = st.sampled_from(("SIGTERM", "SIGKILL"))


class Found(BaseException):
    """What is wrong (its cause). No ``Exception``, which Hypothesis would want to see once more before it tells."""


@contextmanager
def found_at_once() -> Iterator[None]:
    """Let nothing that is wrong be tried again: with real processes it may pass the next time."""
    try:
        yield
    except Exception as exc:
        raise Found from exc


def step(
    *, fault: bool = False, decides: bool = False, **drawn: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A rule. What a ``fault`` destroys, or a person who ``decides`` to take something away, no program has lost."""

    def make(act: Callable[..., None]) -> Callable[..., None]:
        @wraps(act)
        def run(self: SafeMeansSafe, **values: Any) -> None:
            if self.world is not None:
                self._say_step(act.__name__, values)
                with found_at_once():
                    act(self, **values)
                    self._after(excuse=fault or decides)

        decorate: Callable[[Callable[..., None]], Callable[..., None]] = rule(**drawn)  # type: ignore[call-overload]
        return decorate(run)

    return make


class SafeMeansSafe(RuleBasedStateMachine):
    """The whole of it. ``ground`` is set by whoever runs it."""

    ground: Ground
    told: ClassVar[list[str]] = []
    """The story of the last run, for whoever reports it."""

    def __init__(self) -> None:
        super().__init__()
        self.world: World | None = None

    @initialize(start=numbers, branches=st.booleans(), daily=st.booleans(), snapshots=st.booleans())
    def set_up(self, start: int, branches: bool, daily: bool, snapshots: bool) -> None:
        """A hub, a repository of a's that is on it, and b's clone. The simplest start (0) does nothing at all: that is
        what Hypothesis tries first whatever the seed."""
        if start:
            self.world = World(self.ground)
            SafeMeansSafe.told = self.world.story
            self._say_step("set_up", {"start": start, "branches": branches, "daily": daily, "snapshots": snapshots})
            with found_at_once():
                self._set_up(self.world, branches, daily, snapshots)

    def _set_up(self, world: World, branches: bool, daily: bool, snapshots: bool) -> None:
        self.model = Model({name: Person() for name in PEOPLE})
        self.hub_faults = HubFaults(world)
        self.local_faults = {name: LocalFaults(member) for name, member in world.members.items()}
        self.wanted = dict.fromkeys(PEOPLE, False)
        self.unsafe_for: dict[str, Any] = {}
        """Facts that ``status`` has not called safe, so that it need not be asked again."""
        if daily:
            world.hub.options = ("--gc-every", "2s", "--gc-grace", "1s")
        assert not world.hub.start()
        a, b = (world.members[name] for name in PEOPLE)
        for member in (a, b):
            member.settle_in()
            member.sign_in()
        a.root.mkdir()
        a.museui("init")
        self._write("a", "a.txt", b"the first of all")
        self._write("a", "take/c.wav", b"\0\1\2" * 50)
        a.museui("remote", "add", "origin", world.hub.url)
        a.museui("snapshot", "-m", "first")
        a.museui("push", "--no-daemon")
        b.museui("clone", world.hub.url, str(b.root), cwd=b.home)
        self.model.people["b"].tree = read_tree(b.root)
        self.snapshots = snapshots
        for name in PEOPLE:
            self._watch(name)
        if branches:
            self._switch("a", "side")
        self._after()

    # What people do

    @step(name=people, path=paths, text=texts, size=sizes)
    def write(self, name: str, path: str, text: str, size: int) -> None:
        """A file is written, or emptied; contents differ between the two, so that each has somebody who wrote it."""
        self._write(name, path, _content(name, path, text, size))

    @step(name=people, path=paths, text=texts, size=sizes, push=ways_to_push)
    def work(self, name: str, path: str, text: str, size: int, push: str | None) -> None:
        """A file is written, recorded, and pushed perhaps."""
        self._work(name, path, _content(name, path, text, size), push)

    @step(name=people, path=paths, size=sizes, push=ways_to_push)
    def take_in_and_work(self, name: str, path: str, size: int, push: str | None) -> None:
        """What the other one did is pulled first."""
        self._pull(name)
        self._work(name, path, _content(name, path, "on top of it", size), push)

    @step(name=people, path=paths)
    def remove(self, name: str, path: str) -> None:
        """A file is deleted."""
        if path in self._person(name).tree:
            self._remove(name, path)

    @step(name=people, old=paths, new=paths)
    def rename(self, name: str, old: str, new: str) -> None:
        """A file is moved, over another perhaps."""
        if old in self._person(name).tree and old != new:
            self._write(name, new, (self._member(name).root / old).read_bytes())
            if new in self._person(name).tree:
                self._remove(name, old)

    @step(name=people, on=st.booleans())
    def ignore(self, name: str, on: bool) -> None:
        """Rules that leave out ``*.wav``, or none, are recorded; what was recorded before stays so."""
        self._work(name, ".museignore", IGNORED_WAV.encode() if on else b"", None)

    @step(name=people, path=paths)
    def untrack(self, name: str, path: str) -> None:
        """A person has a file left out of the next snapshot, and keeps it."""
        rules = self._member(name).root / ".museignore"
        self._member(name).museui("untrack", path)
        self._person(name).removed.add(path)
        if rules.exists():
            self.model.write(name, ".museignore", rules.read_bytes())

    @step(name=people)
    def write_unnameable(self, name: str) -> None:
        """A file that no snapshot can record, or its end."""
        if UNNAMEABLE in self._person(name).tree:
            self._remove(name, UNNAMEABLE)
        else:
            self._write(name, UNNAMEABLE, b"cannot be named")

    @step(name=people)
    def snapshot(self, name: str) -> None:
        """A commit, which must have every file that was recorded, or that no rule leaves out."""
        self._snapshot(name)

    @step(name=people, alone=st.booleans(), everything=st.booleans())
    def push(self, name: str, alone: bool, everything: bool) -> None:
        """A push, by the daemon when there is one and it is not told otherwise."""
        order = ["push", "--json"] + ["--no-daemon"] * alone + ["--all-branches"] * everything
        self._member(name).museui(*order)

    @step(name=people)
    def pull(self, name: str) -> None:
        """A pull; what it brought is what lies there now."""
        self._pull(name)

    @step(name=people)
    def fetch(self, name: str) -> None:
        """A fetch, after which what is known of the hub is right."""
        epoch = self.model.epoch
        if self._member(name).museui("fetch").code == 0:
            self._person(name).seen_epoch = epoch

    @step(name=people, verb=st.sampled_from(tuple(VERBS)), place=st.sampled_from(CLIENT_PLACES))
    def killed_at(self, name: str, verb: str, place: str) -> None:
        """A command that dies at a named place, if it comes by there."""
        self._member(name).museui(*VERBS[verb], failpoint=place)
        self._adopt(name)

    @step(name=people, verb=st.sampled_from(tuple(VERBS)), after_s=moments_s)
    def killed_at_any_moment(self, name: str, verb: str, after_s: float) -> None:
        """A command that is killed wherever it is."""
        self._member(name).museui(*VERBS[verb], after_s=after_s)
        self._adopt(name)

    @step(decides=True, name=people, lease=st.booleans())
    def force_push(self, name: str, lease: bool) -> None:
        """A person puts their branch in the place of the hub's."""
        self._let_go()
        self._member(name).museui("push", "--force-with-lease" if lease else "--force")

    @step(name=people, branch=st.sampled_from(BRANCHES))
    def switch(self, name: str, branch: str) -> None:
        """Another branch is checked out where it has the commit of this one; one that is not there begins here."""
        self._switch(name, branch)

    @step(name=people)
    def detach(self, name: str) -> None:
        """The commit that is checked out is so without its branch."""
        if head := self._head(name):
            (self._member(name).muse / "HEAD").write_text(f"commit: {head}\n")
            sync(self._member(name).muse / "HEAD")
            self._say(f"{name}: muse checkout {head[:8]}")

    @step(name=people)
    def clone_anew(self, name: str) -> None:
        """A person gives up their folder for a fresh clone; the old one stays where it is."""
        member, person, number = self._member(name), self._person(name), len(self._member(name).attic)
        with suppress(MuseError):
            if view := member.view():
                member.client.ask("DELETE", f"repositories/{view['id']}")
        old = member.root
        member.root = member.disk.path / f"song-{number + 1}"
        if member.museui("clone", self._world.hub.url, str(member.root), cwd=member.home).code:
            member.root = old
        else:
            member.attic.append(old)
            self.local_faults[name].aside.clear()
            self.model.recorded.update(person.tree.values())
            person.begin_anew(read_tree(member.root), self.model.epoch)
            self._acknowledge(name)
        self._watch(name)

    # Daemons and hub come and go

    @step(name=people, place=st.sampled_from(("", "", *FAILPOINTS)))
    def daemon_on(self, name: str, place: str) -> None:
        """A daemon starts, and dies at a place perhaps."""
        self._say(f"{name}: MUSEUI_FAILPOINT={place} museui daemon start")
        self.wanted[name] = True
        self._member(name).start_daemon(place)

    @step(name=people, number=signals)
    def daemon_off(self, name: str, number: str) -> None:
        """A daemon ends or is killed."""
        self._say(f"{name}: daemon: {number}")
        self.wanted[name] = False
        self._member(name).stop_daemon(signal.Signals[number])

    @step(number=signals)
    def hub_off(self, number: str) -> None:
        """The hub ends or is killed."""
        self._say(f"hub: {number}")
        self._world.hub.stop(signal.Signals[number])

    @step(place=st.sampled_from(("", *HUB_PLACES)))
    def hub_on(self, place: str) -> None:
        """The hub is started anew, to die at a place perhaps."""
        self._world.hub.stop()
        said = self._world.hub.start(place)
        self._say(f"hub: MUSEUI_FAILPOINT={place} started {said}")
        if said and not self._world.hub.disk.full:
            raise Broken(f"the hub does not start: {said}")

    # What happens to the hub

    @step()
    def back_up(self) -> None:
        """A backup."""
        if not self._world.hub.disk.full:
            self.hub_faults.back_up()

    @step(fault=True, number=numbers, parts=st.sampled_from(("both", "both", "both", "database", "store")))
    def restore(self, number: int, parts: str) -> None:
        """A backup is put back, or a part of it."""
        if self.hub_faults.backups:
            self._restore(number, parts)

    @step(fault=True, name=people, path=paths, push=st.sampled_from(("push", "push --no-daemon")))
    def restore_older(self, name: str, path: str, push: str) -> None:
        """The hub is put back to what it was before somebody's last work."""
        self.hub_faults.start()
        self._world.hub.disk.free()
        self.hub_faults.back_up()
        self._work(name, path, _content(name, path, "after the backup", 2), push)
        self._restore(len(self.hub_faults.backups) - 1, "both")

    @step(way=st.sampled_from(("gone", "emptied")))
    def lose_database(self, way: str) -> None:
        """The hub's database is gone for a while."""
        self._world.hub.disk.free()
        self.hub_faults.lose_database(way)

    @step(fault=True)
    def adopt_store(self) -> None:
        """The hub's database is gone for good, and the store is taken in by a new one."""
        self._world.hub.disk.free()
        self._lost()
        self.hub_faults.adopt_store()
        self._sign_in()

    @step(decides=True)
    def delete_repository(self) -> None:
        """A person deletes the repository on the hub."""
        self._let_go()
        self._world.hub.command("repo", "delete", f"ada/{SLUG}", "--yes")

    @step(decides=True, name=people, branch=st.sampled_from(BRANCHES))
    def delete_branch(self, name: str, branch: str) -> None:
        """A person deletes a branch on the hub."""
        self._let_go()
        self._member(name).museui("push", "--delete", branch)

    @step(grace=st.sampled_from(("0", "1s")), place=st.sampled_from(("", "", "gc.history", "gc.doomed", "gc.deleted")))
    def collect(self, grace: str, place: str) -> None:
        """Garbage is collected beside whatever runs, and dies at a place perhaps."""
        self._world.hub.command("gc", "--apply", "--grace", grace, *["--force"] * (grace == "0"), failpoint=place)

    @step(fault=True, which=numbers, way=st.sampled_from(WAYS))
    def damage_hub(self, which: int, way: str) -> None:
        """A stored file is damaged."""
        self._lost()
        self.hub_faults.damage(which, way)

    # What happens to disks and files

    @step(where=st.sampled_from((*PEOPLE, "hub")), leave=st.sampled_from((0, 4096, 16384, 65536)))
    def fill(self, where: str, leave: int) -> None:
        """A disk is full but for so much; a fault that was asked for is the only thing that ends it early."""
        self._say(f"{where}: the disk has {leave} bytes left")
        self.ground.disks[where].fill(leave)

    @step(where=st.sampled_from((*PEOPLE, "hub")))
    def cut_power(self, where: str) -> None:
        """The power of one machine is cut: what nobody had made durable is gone, and nothing that was acknowledged."""
        if self.ground.disks[where].kind != "image":
            return
        self._say(f"{where}: the power is cut")
        if where == "hub":
            self._world.hub.stop(signal.SIGKILL)
            self.ground.disks[where].cut_power()
            self.hub_faults.start()
        else:
            self._member(where).stop_daemon(signal.SIGKILL)
            self.ground.disks[where].cut_power()
            self._after_cut(where)
            if self.wanted[where]:
                self._member(where).start_daemon()

    @step()
    def make_room(self) -> None:
        """Disks have room again."""
        self._make_room()

    @step(fault=True, name=people, what=st.sampled_from(LOCAL), which=numbers, way=st.sampled_from(WAYS))
    def damage(self, name: str, what: str, which: int, way: str) -> None:
        """A file in ``.muse`` is damaged."""
        self.local_faults[name].damage(what, which, way)

    @step(name=people)
    def mend(self, name: str) -> None:
        """What was damaged is put back from elsewhere."""
        self.local_faults[name].mend()

    @step(name=people)
    def repair(self, name: str) -> None:
        """What is damaged is mended by the program."""
        self._member(name).museui("repair")

    # What is checked

    @step(doctor=st.booleans())
    def calm(self, doctor: bool) -> None:
        """A quiet point: faults that pass have passed, everybody has looked once more, and what they say is so."""
        self._say("calm")
        self._make_room()
        self.hub_faults.start()
        if self.hub_faults.damaged:
            self.hub_faults.check()
        epoch = self.model.epoch
        claims = {name: self._claims(name, doctor) for name in PEOPLE}
        back = self._world.given_back()
        for name, said in claims.items():
            person = self._person(name)
            person.seen_epoch = epoch
            if not said:
                continue
            if missing := [commit for commit in person.commits if commit not in back]:
                raise Broken(f"{name}: {', '.join(said)}; the hub does not give back {missing}")
            for commit in person.commits.values():
                if (given := back[commit.id].manifest) != commit.manifest:
                    raise Broken(f"{name}: {', '.join(said)}; the hub gives {given} for {commit}")

    def _claims(self, name: str, doctor: bool) -> list[str]:
        """Who says that a person's work is safe, once their daemon has looked again."""
        member, person = self._member(name), self._person(name)
        member.stop_daemon(signal.SIGKILL)
        began = time.time()
        if not member.start_daemon():
            raise Broken(f"{name}: the daemon does not start")
        view = member.settle(began)
        self._note(name)
        said = []
        if view:
            trouble = (view["trouble"] or {}).get("message", "")
            self._say(f"{name}: the daemon says {view['state']}, safe: {view['safe']} {trouble}")
            if view["safe"]:
                said.append("the daemon says safe")
            if self.snapshots and UNNAMEABLE in person.tree and not self._world.wait(member.is_unsafe, 10.0):
                raise Broken(f"{name}: the daemon commits by itself and says safe; {UNNAMEABLE} cannot be recorded")
        status = member.museui("status", "--json")
        if status.code == 0:
            said.append("status says safe")
            if UNNAMEABLE in person.tree:
                raise Broken(f"{name}: status says safe, and {UNNAMEABLE} cannot be recorded")
        if bool(status.document.get("safe")) is not (status.code == 0):
            raise Broken(f"{name}: exit code {status.code} and {status.out}")
        if doctor and member.museui("doctor", "--json", str(member.root)).code == 0:
            said.append("doctor says that all is well")
        if not self.wanted[name]:
            member.stop_daemon(signal.SIGKILL)
        return said

    @invariant()
    def check(self) -> None:
        """What must be so at any time."""
        if self.world is not None:
            with found_at_once():
                self._check()

    def _check(self) -> None:
        for name in PEOPLE:
            self._note(name)
        self._check_contents()
        heads = self._world.hub.heads() if self._world.hub.running else None
        if heads is None or self.hub_faults.damaged:
            return
        there, stack = set[str](), list(heads.values())
        while stack:
            if (commit := stack.pop()) not in there:
                there.add(commit)
                stack += self.model.commits[commit].parents if commit in self.model.commits else ()
        for name, person in self.model.people.items():
            if person.seen_epoch != self.model.epoch or not (missing := person.commits.keys() - there):
                continue
            muse = self._member(name).muse
            facts = (read_heads(muse), read_heads(muse, "remotes/origin"), self._head(name), heads)
            if facts == self.unsafe_for.get(name):
                continue
            if self._member(name).museui("status", "--json").code:
                self.unsafe_for[name] = facts
            elif self._world.hub.heads() == heads:
                raise Broken(f"{name}: status says safe, and the hub has not {missing}")

    def _check_contents(self) -> None:
        """No content that a person wrote is gone from everywhere."""
        missing = self._missing()
        if missing:
            raise Broken(f"gone from everywhere: {', '.join(map(self._who_wrote, missing))}")

    def _missing(self, unless_sure: bool = False) -> list[str]:
        """The contents that must be somewhere and are nowhere; ``unless_sure``: also those the hub may have."""
        lying = set[str]()
        for member in self._world.members.values():
            lying |= member.objects()
            for root in (member.root, *member.attic):
                lying |= set(read_tree(root).values()) if root.exists() else set()
        answers = (False, None) if unless_sure else (False,)
        missing = self.model.required() - lying
        return [content for content in sorted(missing) if self._world.hub.has_object(content) in answers]

    def _who_wrote(self, content: str) -> str:
        for name, person in self.model.people.items():
            for path, contents in person.wrote.items():
                if content in contents:
                    return f"{name}'s {path} ({content[:8]})"
        return content

    # How steps are made

    @property
    def _world(self) -> World:
        assert self.world is not None
        return self.world

    def _member(self, name: str) -> Member:
        return self._world.members[name]

    def _person(self, name: str) -> Person:
        return self.model.people[name]

    def _say_step(self, name: str, values: dict[str, Any]) -> None:
        self._say(f"state.{name}({', '.join(f'{key}={value!r}' for key, value in values.items())})")

    def _say(self, line: str) -> None:
        self._world.say(line)

    def _after(self, excuse: bool = False) -> None:
        for name in PEOPLE:
            self._note(name)
            if self._person(name).moving:
                self._adopt(name)
        if excuse:
            self.model.excused.update(self._missing(unless_sure=True))

    def _let_go(self) -> None:
        """A person is about to take something from the hub: what only the hub has is theirs to give up."""
        self._lost()
        lying = set[str]()
        for member in self._world.members.values():
            lying |= member.objects()
        self.model.excused.update(self.model.recorded - lying)

    def _lost(self) -> None:
        self.model.epoch += 1

    def _write(self, name: str, path: str, content: bytes) -> None:
        target = self._member(name).root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.model.write(name, path, b"") if target.exists() else None
            target.write_bytes(content)
            sync(target)
            sync(target.parent)
        except OSError:
            lying = target.read_bytes() if target.exists() else None
            self.model.remove(name, path) if lying is None else self.model.write(name, path, lying)
            self._say(f"{name}: {path} could not be written")
            return
        self.model.write(name, path, content)
        self._say(f"{name}: {len(content)} bytes > {path}  ({sha(content)[:8]})")

    def _remove(self, name: str, path: str) -> None:
        target = self._member(name).root / path
        target.unlink(missing_ok=True)
        sync(target.parent)
        self.model.remove(name, path)
        self._say(f"{name}: rm {path}")

    def _work(self, name: str, path: str, content: bytes, push: str | None) -> None:
        self._write(name, path, content)
        self._snapshot(name)
        if push:
            self._member(name).museui(*push.split())

    def _pull(self, name: str) -> None:
        done = self._member(name).museui("pull").code == 0
        self._adopt(name)
        if done:
            self._acknowledge(name)

    def _switch(self, name: str, branch: str) -> None:
        muse, head = self._member(name).muse, self._head(name)
        path = muse / "refs" / "heads" / branch
        if head is None or read_heads(muse).get(branch, head) != head or path.is_dir() or path.parent.is_file():
            return
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            for file, text in ((path, head), (muse / "HEAD", f"ref: refs/heads/{branch}")):
                aside = muse / "aside"
                aside.write_text(f"{text}\n")
                sync(aside)
                aside.rename(file)
                sync(file.parent)
            self._say(f"{name}: muse checkout {branch!r}")

    def _restore(self, number: int, parts: str) -> None:
        self._world.hub.disk.free()
        self._lost()
        self.hub_faults.put_back(number, database=parts != "store", store=parts != "database")
        self._sign_in()

    def _sign_in(self) -> None:
        """Everybody has the hub's token, which may be another one now."""
        for member in self._world.members.values():
            if not member.is_signed_in:
                self._make_room()
                member.sign_in()

    def _head(self, name: str) -> str | None:
        muse = self._member(name).muse
        with suppress(OSError):
            text = (muse / "HEAD").read_text().strip()
            if text.startswith("ref: refs/heads/"):
                return read_heads(muse).get(text.removeprefix("ref: refs/heads/"))
            return text.removeprefix("commit: ") if text.startswith("commit: ") else None
        return None

    def _watch(self, name: str) -> None:
        """The daemon looks after the repository, and runs as it did."""
        member = self._member(name)
        if not member.start_daemon():
            return
        member.museui("watch", "add", str(member.root), *(["--snapshot-on-change"] * self.snapshots))
        if not self.wanted[name]:
            member.stop_daemon(signal.SIGKILL)

    def _acknowledge(self, name: str) -> None:
        """A program has said that it is done: what is checked out now survives a cut."""
        if head := self._head(name):
            found = read_history(self._member(name).muse, [head])
            self._person(name).acknowledged.update(commit.id for commit in found)

    def _after_cut(self, name: str) -> None:
        """What was not acknowledged may be gone."""
        member, person = self._member(name), self._person(name)
        if not self.local_faults[name].aside:
            gone = [commit for commit in person.acknowledged if read_commit(member.muse, commit) is None]
            if gone:
                raise Broken(f"{name}: these were recorded before the power was cut: {gone}")
        person.commits = {
            key: commit
            for key, commit in person.commits.items()
            if key in person.acknowledged or read_commit(member.muse, key)
        }
        kept = {content for path, content in person.tree.items() if content in person.wrote.get(path, ())}
        kept.update(
            *(commit.manifest.values() for other in self.model.people.values() for commit in other.commits.values())
        )
        self.model.excused.update(set(self._missing()) - kept)
        self._check_contents()
        person.tree = read_tree(member.root)

    def _make_room(self) -> None:
        for where, disk in self.ground.disks.items():
            if disk.full:
                self._say(f"{where}: the disk has room")
                disk.free()

    def _note(self, name: str) -> None:
        """Take in what was recorded in somebody's folder; a commit of theirs must say what they did."""
        muse = self._member(name).muse
        heads = set(read_heads(muse).values())
        if head := self._head(name):
            heads.add(head)
        known = set(self.model.commits)
        for commit in reversed(list(read_history(muse, heads))):
            if commit.id not in known and commit.author == name and (wrong := self._unmeant(name, commit.id)):
                raise Broken(f"{name}: commit {commit.id[:8]} {'; '.join(wrong)}")
            self.model.record(name, [commit])
        for root in self._member(name).attic:  # whose daemon may work on
            for commit in read_history(root / ".muse", read_heads(root / ".muse").values()):
                self.model.commits.setdefault(commit.id, commit)

    def _unmeant(self, name: str, commit_id: str) -> list[str]:
        commit = read_commit(self._member(name).muse, commit_id)
        return self.model.unmeant(name, commit) if commit else []

    def _adopt(self, name: str) -> None:
        """What lies in the work tree after a pull, or after what was left of one, is what the person has now."""
        self._check_contents()
        person, member = self._person(name), self._member(name)
        person.moving = (member.muse / NOTE).exists()
        person.tree = read_tree(member.root)

    def _snapshot(self, name: str) -> None:
        member, person = self._member(name), self._person(name)
        before = self._head(name)
        parent = read_commit(member.muse, before) if before else None
        answer = member.museui("snapshot", "-m", "by hand", "--json")
        if person.moving:
            self._adopt(name)
        after = self._head(name)
        if answer.code or after is None or (commit := read_commit(member.muse, after)) is None:
            return
        self._acknowledge(name)
        recorded, rules = parent.manifest if parent else {}, ""
        with suppress(OSError):
            rules = (member.root / ".museignore").read_text()
        for path, content in person.tree.items():
            left_out = path.startswith("build/") or path == UNNAMEABLE or f"/{path}" in rules
            left_out = left_out or ("*.wav" in rules and path.endswith(".wav"))
            if (path in recorded or not left_out) and commit.manifest.get(path) != content:
                raise Broken(f"{name}: the snapshot says it is made, and {path} is not in it as it lies there")

    def teardown(self) -> None:
        """End with a quiet point, unless something was wrong already; then end what runs."""
        if self.world is None:
            return
        try:
            if sys.exc_info()[0] is None:
                self.calm(doctor=True)
                self.check()
        finally:
            self._make_room()
            self.world.close()


def _content(name: str, path: str, text: str, size: int) -> bytes:
    return f"{name} {path} {text} ".encode() * size if text else b""
