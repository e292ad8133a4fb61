"""The push: negotiate, pack, transfer, index, advance the ref. One branch, one verified bundle, one branch move.

Nothing in the local repository is written but the tracking ref, once the hub has confirmed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from museui.core import wire
from museui.core.errors import Integrity, Invalid, MuseError, NotFound
from museui.core.failpoints import failpoint
from museui.core.ids import CommitId, ObjectId
from museui.core.names import is_git_branch
from museui.core.phases import PhaseEnded, PhaseEvent
from museui.hub.client import HubClient
from museui.hub.retry import with_retries
from museui.hub.url import is_loopback
from museui.repo.repository import Repository
from museui.repo.sightings import note_heads, read_known

from .content import Content
from .kept_bundles import KeptBundles, open_kept_bundles
from .line_speeds import WORTH_REMEMBERING_BYTES, read_line_speed, write_line_speed
from .missing_commits import walk_missing
from .negotiate import (
    Common,
    check_fast_forward,
    check_lease,
    check_may_write,
    check_not_removed,
    fetch_refs,
    find_common,
)
from .observe import find_whole
from .push_outcome import PushOutcome
from .push_request import Environment, PushRequest
from .run_phase import Phase, run_phase
from .threads import run_stoppable
from .ways.bundle import BundlePush
from .ways.choose import WAYS, choose_strategy
from .ways.packed import Counts, PackedPush, PackJob
from .ways.sender import Sender
from .zstd_level import choose_level

TOOL = "museui/2"
"""Names the packer in ``meta``; a new number when the same history would pack to other bytes."""

FAILPOINTS = (
    "push.negotiated",
    "push.packing",
    "push.packed",
    "push.presigned",
    "push.transferring",
    "push.transferred",
    "push.confirmed",
)
"""Where a test can kill a push, in the order they are passed (a push by ``stream`` passes some of them)."""


class Push:
    """One push of one branch: :meth:`run` does it, ``result`` has the phases that were reached, also when it fails."""

    def __init__(
        self,
        repository: Repository,
        client: HubClient,
        request: PushRequest,
        environment: Environment,
        listener: Callable[[PhaseEvent], None] = lambda event: None,
    ) -> None:
        """``listener`` hears every phase event; it may be called from another thread."""
        self._repository = repository
        self._client = client
        self._request = request
        self._environment = environment
        self._listener = listener
        self._content: Content | None = None
        self.result = PushOutcome(
            repo=str(repository.root),
            remote=request.remote,
            url=str(client.url),
            branch=request.branch,
            head=request.head,
        )

    async def run(self) -> PushOutcome:
        """Push. Raises a :class:`~museui.core.errors.MuseError` when the branch could not be moved."""
        result, clock = self.result, self._environment.clock
        began_s, requests = clock(), self._client.requests
        try:
            with open_kept_bundles(
                self._environment.kept_bundles, self._repository.root, str(self._client.url), self._request.branch
            ) as kept_bundles:
                await self._run(kept_bundles)
        finally:
            result.requests = self._client.requests - requests
            result.total_seconds = clock() - began_s
        return result

    def _emit(self, event: PhaseEvent) -> None:
        if isinstance(event, PhaseEnded):
            # A phase that ran again (an upload that expired) counts whole.
            earlier = self.result.ended.get(event.name)
            if earlier:
                event = replace(event, seconds=event.seconds + earlier.seconds)
            self.result.ended[event.name] = event
        self._listener(event)

    async def _run(self, kept_bundles: KeptBundles) -> None:
        request, result, clock = self._request, self.result, self._environment.clock
        with run_phase("negotiate", self._emit, clock) as phase:
            common, rtt_s = await self._negotiate(phase)
        failpoint("push.negotiated")
        result.previous_head = common.hub_head
        if common.hub_head == request.head and not common.needs:
            result.up_to_date = True
            self._finish(kept_bundles)
            return
        target = wire.PushTarget(
            branch=wire.Branch(request.branch),
            head=request.head,
            force=request.force,
            expected_head=request.lease or common.hub_head,
            lease=True,
        )
        with run_phase("pack", self._emit, clock) as phase:
            try:
                work = await run_stoppable(lambda: self._pack(phase, kept_bundles, common, target, rtt_s), phase.cancel)
            except Integrity as exc:
                self._name_file(exc)
                raise
        if work is None:
            result.dry_run = True
            kept_bundles.clear()
            return
        failpoint("push.packed")
        sender = Sender(self._client, self._environment, self._emit, target)
        try:
            answer, result.wire_bytes = await work.send(sender)
            if work.measures_line:
                self._remember_line()
        except (Integrity, Invalid) as exc:
            # What the hub found wrong with it will not get better: the next try packs anew.
            kept_bundles.clear()
            exc.hint = exc.hint or "Run `museui verify` to see what is damaged in this repository."
            self._name_file(exc)
            self._name_branch(exc)
            raise
        failpoint("push.confirmed")
        result.push_id = answer.push_id
        result.previous_head = answer.previous_head
        result.already_present_objects = answer.already_present_objects
        self._finish(kept_bundles)

    def _name_file(self, exc: MuseError) -> None:
        """Say of a damaged object which file it is of, as far as this push knows."""
        object_id = str(exc.details.get("object_id", "")).removeprefix("sha256:")
        if self._content and (path := self._content.path_of(ObjectId(object_id))):
            exc.message = f"{path!r} cannot be pushed: {exc.message}"
            exc.details.setdefault("path", path)

    def _name_branch(self, exc: MuseError) -> None:
        """Say of a refused name, when only older hubs refuse it, that it is the hub."""
        branch = self._request.branch
        if exc.details.get("field") == "branch" and not is_git_branch(branch):
            exc.message = f"this hub takes no branch called {branch!r}: {exc.message}"
            exc.hint = "Older hubs take what git can name, no more. Bring the hub up to date, or rename the branch."

    def _finish(self, kept_bundles: KeptBundles) -> None:
        request = self._request
        kept_bundles.clear()
        if request.remote:
            try:
                self._write_seen(request.remote, request.head)
            except MuseError as exc:
                exc.message = f"the hub has {request.head[:12]}, but that cannot be noted here: {exc.message}"
                raise

    def _note(self, hub_head: CommitId | None) -> CommitId | None:
        """Note where the hub has the branch whole, when it was last seen elsewhere; return where that was."""
        remote = self._request.remote
        if remote is None:
            return None
        seen = read_known(self._repository, remote, self._request.branch)
        if seen != hub_head:
            self._write_seen(remote, hub_head)
        return seen

    def _write_seen(self, remote: str, head: CommitId | None) -> None:
        branch, now = self._request.branch, self._environment.now()
        note_heads(self._repository, remote, {branch: head} if head else {}, [branch], now)

    def _remember_line(self) -> None:
        transfer = self.result.ended["transfer"]
        size = transfer.detail["bytes"]
        if size >= WORTH_REMEMBERING_BYTES and transfer.seconds > 0:
            write_line_speed(self._environment.kept_bundles, self._client.url.host, size / transfer.seconds)

    async def _negotiate(self, phase: Phase) -> tuple[Common, float]:
        request, environment = self._request, self._environment
        rtt_s = 0.0

        async def ask() -> wire.Refs:
            nonlocal rtt_s
            asked_s = environment.clock()
            refs, _ = await fetch_refs(self._client, branch=request.branch, by_itself=request.by_itself)
            assert refs
            rtt_s = environment.clock() - asked_s
            return refs

        try:
            refs = await with_retries(ask, environment.retry, environment.sleep, environment.random)
        except NotFound as exc:
            if "request_id" in exc.details:
                self._note(None)
            raise
        hub_head = refs.branch_heads.get(request.branch)
        noted = find_whole(self._repository, refs).get(request.branch)
        seen = self._note(noted)
        if hub_head == request.head and not any(map(self._repository.has_object, refs.needs)):
            phase.detail.update(rounds=0, hub_branches=len(refs.branch_heads))
            return Common(hub_head), rtt_s
        check_may_write(self._client, refs)
        if request.lease:
            check_lease(request.branch, request.lease, hub_head)
        common = await with_retries(
            lambda: find_common(self._client, self._repository, refs, request.branch, request.head, phase),
            environment.retry,
            environment.sleep,
            environment.random,
        )
        if not request.force:
            told = not request.by_itself and (request.remote is None or seen == noted)
            if not told:
                check_not_removed(self._repository, request.branch, refs.removed, hub_head, request.head)
            check_fast_forward(self._repository, request.branch, hub_head, request.head, common.known)
        return common, rtt_s

    def _pack(
        self, phase: Phase, kept_bundles: KeptBundles, common: Common, target: wire.PushTarget, rtt_s: float
    ) -> PackedPush | None:
        """Return the packed push, ``None`` for a dry run. Runs in a thread."""
        request, repository, result = self._request, self._repository, self.result
        walk = walk_missing(
            request.head, common.known, repository.read_commit, lambda count: phase.progress(count, None, "commits")
        )
        tool = f"{TOOL} needs" if common.needs else TOOL
        found = None if request.strategy in ("stream", "objects") else kept_bundles.find(request.head, walk.base, tool)
        if found:
            phase.detail["reused"] = True
            result.strategy, reused = "bundle", BundlePush(found)
            self._count(reused.counts, phase)
            phase.detail["zstd_level"] = found.level
            return reused
        content = self._content = Content(repository, walk, common.limits, common.needs, phase.check)
        if request.dry_run:
            for _ in content.snapshot_records():
                pass
            self._count(Counts.of(content), phase)
            return None
        url = self._client.url
        level, reason = choose_level(
            loopback=is_loopback(url.base),
            rtt_s=rtt_s,
            bytes_per_s=read_line_speed(self._environment.kept_bundles, url.host),
        )
        phase.detail.update(zstd_level=level, zstd_level_reason=reason)

        def on_progress(done: int, total: int) -> None:
            phase.progress(done, total, "objects")

        strategy = choose_strategy(request.strategy, common.capabilities, common.limits, content.fits_stream)
        packed = WAYS[strategy](
            PackJob(
                content,
                target,
                kept_bundles,
                level,
                tool,
                common.limits.max_bundle_bytes,
                request.in_flight,
                on_progress,
            )
        )
        result.strategy = strategy
        self._count(packed.counts, phase)
        return packed

    def _count(self, counts: Counts, phase: Phase) -> None:
        result = self.result
        result.commits, result.snapshots, result.objects = counts.commits, counts.snapshots, counts.objects
        result.raw_bytes, result.wire_bytes, result.bundle_id = counts.raw_bytes, counts.wire_bytes, counts.bundle_id
        phase.detail.update(raw_bytes=counts.raw_bytes, wire_bytes=counts.wire_bytes, objects=counts.objects)
