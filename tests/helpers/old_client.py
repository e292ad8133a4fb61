"""The published 0.1.x client as docs/protocol.md describes it: urllib, msgpack and json, nothing of this project.

It works on a real ``.muse`` folder, reads every answer as msgpack and takes no id but bare hex.
"""

import hashlib
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgpack

MSGPACK = "application/x-msgpack"
CHUNK = 1000
MAX_ANSWER_BYTES = 64 << 20
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """The hub said no: ``status`` and the answer's document."""

    def __init__(self, status: int, document: Any) -> None:
        super().__init__(f"{status}: {document['detail']}")
        self.status = status
        self.document = document


def bare(value: str) -> str:
    assert re.fullmatch("[0-9a-f]{64}", value), f"the old client cannot read the id {value!r}"
    return value


class OldRepository:
    """A ``.muse`` folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.muse = root / ".muse"

    def record(self, kind: str, record_id: str) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.muse / kind / f"{record_id}.json").read_text())
        return record

    def write_record(self, kind: str, record_id: str, record: dict[str, Any]) -> None:
        self.write(f"{kind}/{record_id}.json", json.dumps(record, indent=2).encode() + b"\n")

    def write(self, path: str, content: bytes) -> None:
        target = self.muse / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def object_path(self, object_id: str) -> Path:
        return self.muse / "objects" / object_id[:2] / object_id[2:]

    def heads(self) -> dict[str, str]:
        folder = self.muse / "refs" / "heads"
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_text().strip() for path in files}

    def ancestors(self, heads: Iterable[str]) -> list[dict[str, Any]]:
        """The commits that are here and reachable from ``heads``, parents first."""
        found: dict[str, dict[str, Any]] = {}
        ordered: list[dict[str, Any]] = []
        pending = [(head, False) for head in heads]
        while pending:
            commit_id, done = pending.pop()
            if done:
                ordered.append(found[commit_id])
            elif commit_id not in found and (self.muse / "commits" / f"{commit_id}.json").exists():
                commit = found[commit_id] = self.record("commits", commit_id)
                parents = [commit["parent_commit_id"], commit["parent2_commit_id"]]
                pending += [(commit_id, True), *((parent, False) for parent in parents if parent)]
        return ordered

    def commit(self, branch: str, files: dict[str, bytes], message: str, parent: str | None = None) -> str:
        """A new commit on top of ``parent`` (the branch's head when there is one); the branch moves to it."""
        when = "2026-11-22T10:00:00+00:00"
        manifest = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        for path, content in files.items():
            self.write(f"objects/{manifest[path][:2]}/{manifest[path][2:]}", content)
        lines = sorted(f"{path}\0{object_id}" for path, object_id in manifest.items())
        snapshot_id = hashlib.sha256("\0".join(lines).encode()).hexdigest()
        parent = parent or self.heads().get(branch)
        text = "\0".join([parent or "", snapshot_id, message, when])
        commit_id = hashlib.sha256(text.encode()).hexdigest()
        snapshot = {"snapshot_id": snapshot_id, "manifest": manifest, "created_at": when}
        self.write_record("snapshots", snapshot_id, snapshot)
        record: dict[str, Any] = {
            "commit_id": commit_id,
            "repo_id": "song",
            "branch": branch,
            "snapshot_id": snapshot_id,
        }
        record |= {"message": message, "committed_at": when, "parent_commit_id": parent, "parent2_commit_id": None}
        record |= {"author": "", "metadata": {}, "structured_delta": None, "sem_ver_bump": "none"}
        record |= {"breaking_changes": [], "agent_id": "", "model_id": "", "toolchain_id": "", "prompt_hash": ""}
        record |= {"signature": "", "signer_key_id": "", "format_version": 5, "reviewed_by": [], "test_runs": 0}
        self.write_record("commits", commit_id, record)
        self.write(f"refs/heads/{branch}", commit_id.encode() + b"\n")
        return commit_id


class OldClient:
    """One user's requests to one repository on a hub."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self.token = token

    def ask(self, method: str, path: str, message: Any = None) -> Any:
        """One request; the answer, which must be msgpack. Raises :class:`Refused`."""
        headers = {"Accept": MSGPACK}
        body = None
        if message is not None:
            headers["Content-Type"] = MSGPACK
            body = msgpack.packb(message)
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"{self.url}/{path}", body, headers, method=method)
        try:
            with _opener.open(request, timeout=60) as response:
                content = response.read(MAX_ANSWER_BYTES + 1)
                kind = response.headers["Content-Type"]
        except urllib.error.HTTPError as exc:
            with exc:
                raise Refused(exc.code, msgpack.unpackb(exc.read())) from None
        assert len(content) <= MAX_ANSWER_BYTES, "the old client refuses an answer this long"
        assert kind == MSGPACK
        return msgpack.unpackb(content)

    def refs(self) -> dict[str, Any]:
        refs: dict[str, Any] = self.ask("GET", "refs")
        assert all(bare(head) for head in refs["branch_heads"].values())
        return refs

    def send_objects(self, repository: OldRepository, object_ids: list[str], presign: bool) -> None:
        """Bring those of ``object_ids`` to the hub that it lacks: by presigned PUT where it can, else in chunks."""
        missing = self.ask("POST", "filter-objects", {"object_ids": object_ids})["missing"]
        inline = [bare(item) for item in missing]
        if presign:
            ask = {"object_ids": missing, "direction": "put", "ttl_seconds": 300}
            answer = self.ask("POST", "presign", ask)
            inline = answer["inline"]
            for object_id, url in answer["presigned"].items():
                put(url, repository.object_path(bare(object_id)).read_bytes())
        for at in range(0, len(inline), CHUNK):
            objects = [
                {"object_id": bare(item), "content": repository.object_path(item).read_bytes()}
                for item in inline[at : at + CHUNK]
            ]
            answer = self.ask("POST", "push/objects", {"objects": objects})
            assert answer["stored"] + answer["skipped"] == len(objects)

    def push(self, repository: OldRepository, branch: str, *, force: bool = False, objects: str = "chunks") -> Any:
        """``muse push``. ``objects``: whether they go in ``chunks``, ``presigned``, or in the ``bundle``."""
        remote = self.refs()["branch_heads"]
        head = repository.heads()[branch]
        there = {commit["commit_id"] for commit in repository.ancestors(remote.values())}
        commits = [commit for commit in repository.ancestors([head]) if commit["commit_id"] not in there]
        wanted = dict.fromkeys(commit["snapshot_id"] for commit in commits)
        snapshots = [repository.record("snapshots", snapshot_id) for snapshot_id in wanted]
        object_ids = list(dict.fromkeys(item for snapshot in snapshots for item in snapshot["manifest"].values()))
        bundle = {"commits": commits, "snapshots": snapshots, "objects": [], "branch_heads": {branch: head}}
        if objects == "bundle":
            missing = self.ask("POST", "filter-objects", {"object_ids": object_ids})["missing"]
            bundle["objects"] = [
                {"object_id": bare(item), "content": repository.object_path(item).read_bytes()} for item in missing
            ]
        else:
            self.send_objects(repository, object_ids, presign=objects == "presigned")
        answer = self.ask("POST", "push", {"bundle": bundle, "branch": branch, "force": force})
        repository.write(f"remotes/origin/{branch}", bare(answer["remote_head"]).encode())
        return answer

    def fetch(self, repository: OldRepository) -> dict[str, str]:
        """``muse fetch``: what is new comes into the folder; the hub's heads."""
        heads: dict[str, str] = self.refs()["branch_heads"]
        have = [path.stem for path in (repository.muse / "commits").glob("*.json")]
        bundle = self.ask("POST", "fetch", {"want": sorted(set(heads.values())), "have": have})
        for item in bundle["objects"]:
            assert hashlib.sha256(item["content"]).hexdigest() == bare(item["object_id"])
            repository.write(f"objects/{item['object_id'][:2]}/{item['object_id'][2:]}", item["content"])
        for kind, name in (("snapshots", "snapshot_id"), ("commits", "commit_id")):
            for record in bundle[kind]:
                repository.write_record(kind, bare(record[name]), record)
        for branch, head in bundle["branch_heads"].items():
            repository.write(f"remotes/origin/{branch}", bare(head).encode())
        return heads

    def pull(self, repository: OldRepository, branch: str) -> None:
        """``muse pull`` where a fast-forward is enough."""
        head = self.fetch(repository)[branch]
        assert repository.heads()[branch] in {commit["commit_id"] for commit in repository.ancestors([head])}
        repository.write(f"refs/heads/{branch}", head.encode() + b"\n")

    def clone(self, root: Path) -> OldRepository:
        """``muse clone``: history, branches, and the work tree of the default branch."""
        refs = self.refs()
        repository = OldRepository(root)
        identity = {"repo_id": refs["repo_id"], "domain": refs["domain"], "schema_version": "0.1.5"}
        repository.write("repo.json", json.dumps(identity).encode())
        repository.write("HEAD", f"ref: refs/heads/{refs['default_branch']}\n".encode())
        for branch, head in self.fetch(repository).items():
            repository.write(f"refs/heads/{branch}", head.encode() + b"\n")
        head_commit = repository.record("commits", refs["branch_heads"][refs["default_branch"]])
        manifest = repository.record("snapshots", head_commit["snapshot_id"])["manifest"]
        for path, object_id in manifest.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(repository.object_path(object_id).read_bytes())
        return repository

    def push_tags(self, repository: OldRepository) -> int:
        """``muse push --tags``; how many the hub stored."""
        tags = [json.loads(path.read_text()) for path in sorted((repository.muse / "tags").glob("*/*.json"))]
        return int(self.ask("POST", "tags", {"tags": tags})["stored"])

    def releases(self, **query: str) -> list[dict[str, Any]]:
        """``muse release list``."""
        listed: list[dict[str, Any]] = self.ask("GET", f"releases?{urllib.parse.urlencode(query)}")["releases"]
        return listed


def put(url: str, content: bytes) -> None:
    """PUT to a presigned URL, with no more than every HTTP library sends."""
    headers = {"Content-Type": "application/octet-stream"}
    with _opener.open(urllib.request.Request(url, content, headers, method="PUT"), timeout=60) as response:
        assert response.status == 200
