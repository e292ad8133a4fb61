"""A client written from docs/protocol.md alone: httpx, msgpack and hashlib, nothing of this project."""

import hashlib

import httpx
import msgpack


def sha(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_bundle(files: dict[str, bytes], message: str, when: str, parent: str | None = None) -> tuple[bytes, str]:
    """A plain, uncompressed bundle of one commit, and the commit's id."""
    manifest = {path: sha(content) for path, content in files.items()}
    snapshot = sha("\0".join(sorted(f"{path}\0{oid[7:]}" for path, oid in manifest.items())).encode())
    commit = sha("\0".join([parent[7:] if parent else "", snapshot[7:], message, when]).encode())
    record = {"commit_id": commit, "snapshot_id": snapshot, "message": message, "committed_at": when}
    return msgpack.packb(
        {
            "commits": [{**record, "parent_commit_id": parent, "parent2_commit_id": None, "author": "Ada"}],
            "snapshots": [{"snapshot_id": snapshot, "manifest": manifest, "created_at": when}],
            "objects": [{"object_id": sha(content), "content": content} for content in set(files.values())],
        }
    ), commit


def push(url: str, token: str, bundle: bytes, branch: str, head: str, force: bool = False) -> httpx.Response:
    """Presign, PUT, confirm; the answer of confirm."""
    with httpx.Client(headers={"Authorization": f"Bearer {token}", "Accept": "application/x-msgpack"}) as hub:
        ask = {"bundle_id": sha(bundle), "size_bytes": len(bundle)}
        presigned = msgpack.unpackb(hub.post(f"{url}/push/bundle/presign", json=ask).raise_for_status().content)
        kind = {"Content-Type": "application/octet-stream"}
        httpx.put(presigned["presigned_url"], content=bundle, headers=kind).raise_for_status()
        confirm = {"bundle_id": sha(bundle), "branch": branch, "head": head, "force": force}
        return hub.post(f"{url}/push/bundle/confirm", json=confirm)
