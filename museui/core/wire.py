"""The messages of ``docs/protocol.md`` as declared types, checked on the way in with errors that name the field.

A field's annotation is its rule: ids take either spelling and are kept bare, ``None`` is allowed only where the
type says so, and a field with a default may be missing.  Unknown fields are ignored, so newer clients keep working.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, Union

from .errors import Invalid, shown
from .ids import BundleId, CommitId, ObjectId, SnapshotId, parse_id, qualified
from .limits import Limits
from .names import check_branch

_ID_TYPES: frozenset[Any] = frozenset({CommitId, SnapshotId, ObjectId, BundleId})
_MAX_INT = (1 << 63) - 1
_MAX_TEXT_CHARS = 8192
"""In one field, and in the key of an entry: a presigned URL is the longest."""

Branch = typing.NewType("Branch", str)
"""A name that a branch may have (:func:`check_branch`)."""

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Refs:
    """Answer of ``GET refs``."""

    repo_id: str | None
    branch_heads: dict[str, CommitId]
    domain: str = ""
    default_branch: str | None = None
    capabilities: list[str] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    signing_policy: str = "valid"
    needs: list[ObjectId] = field(default_factory=list)
    """Objects of this repository that the hub has lost and asks for."""
    removed: dict[str, CommitId] = field(default_factory=dict)
    """Branches whose newest move was by force, or a deletion → the head that this took away."""
    next: str | None = None
    """Of a page of branches: behind which name the next begins."""
    access: str | None = None
    """The caller's access: read, write or admin; ``None`` from an older hub."""

    def known_limits(self) -> Limits:
        """The hub's limits, the defaults where it names none."""
        names = Limits.__dataclass_fields__
        return Limits(**{name: value for name, value in self.limits.items() if name in names})


@dataclass(frozen=True, slots=True)
class NegotiateRequest:
    """Body of ``POST negotiate``."""

    have: list[CommitId]
    want: list[CommitId] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NegotiateAnswer:
    """Answer of ``POST negotiate``: which of ``have`` the repository holds; ``reached``: which ``want`` leads to."""

    ack: list[CommitId]
    common_base: CommitId | None = None
    ready: bool = False
    reached: list[CommitId] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PresignRequest:
    """Body of ``POST push/bundle/presign``."""

    bundle_id: BundleId
    size_bytes: int
    branch: Branch | None = None
    head: CommitId | None = None
    expected_head: CommitId | None = None
    raw_bytes: int | None = None
    commits: int | None = None
    snapshots: int | None = None
    objects: int | None = None
    put_headers: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class PresignAnswer:
    """Answer of ``POST push/bundle/presign``: where to PUT the bundle, with which headers, for how long."""

    bundle_id: BundleId
    presigned_url: str
    upload_id: str
    expires_in: int
    method: str = "PUT"
    headers: dict[str, str] = field(default_factory=dict)
    already_present: bool = False


@dataclass(frozen=True, slots=True)
class ObjectsPresignRequest:
    """Body of ``POST push/presign``. ``sizes``: their lengths in bytes, in the same order."""

    object_ids: list[ObjectId]
    sizes: list[int] | None = None
    put_headers: bool = False


@dataclass(frozen=True, slots=True)
class ObjectsPresignAnswer:
    """Answer of ``POST push/presign``; each id of the request is in one of the first three, spelled as it was asked."""

    presigned: dict[str, str]
    inline: list[ObjectId]
    present: list[ObjectId] = field(default_factory=list)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    expires_in: int = 0


@dataclass(frozen=True, slots=True)
class PushTarget:
    """What a push wants to happen to a branch; confirm, ``push/stream`` (H frame) and ``push/unpack`` share it.

    ``expected_head`` is a lease, null for "only if the branch does not exist"; ``lease`` says that there is one.
    """

    branch: Branch
    head: CommitId
    force: bool = False
    expected_head: CommitId | None = None
    lease: bool = False


@dataclass(frozen=True, slots=True)
class ConfirmRequest:
    """Body of ``POST push/bundle/confirm``, beside the fields of :class:`PushTarget`."""

    bundle_id: BundleId
    upload_id: str | None = None


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """Answer of confirm, ``push/stream`` and ``push/unpack``."""

    ok: bool
    push_id: str
    branch: str
    head: CommitId
    previous_head: CommitId | None
    stored_commits: int
    stored_snapshots: int
    stored_objects: int
    already_present_objects: int
    timings: dict[str, float]
    promotion: str = "none"


@dataclass(frozen=True, slots=True)
class CreateRepository:
    """Body of ``POST /repos``."""

    owner: str
    slug: str
    visibility: str = "private"
    domain: str = ""
    default_branch: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeRepository:
    """Body of ``PATCH /{owner}/{slug}``: what is null or missing stays as it is."""

    visibility: str | None = None
    default_branch: Branch | None = None
    signing_policy: str | None = None


@dataclass(frozen=True, slots=True)
class ProtectBranches:
    """Body of ``PUT protected/{pattern}``."""

    allows_force: bool = False
    signed_only: bool = False


@dataclass(frozen=True, slots=True)
class EnrolKey:
    """Body of ``POST /user/keys``."""

    public_key: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class SetCollaborator:
    """Body of ``PUT collaborators/{user}``."""

    access: str


@dataclass(frozen=True, slots=True)
class Account:
    """Answer of ``GET /user``: whose token it is, and what it is good for."""

    name: str
    scope: str
    repository: str | None
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Storage:
    """Answer of ``GET /user/storage``: what one's own repositories take, and what waits to be promoted, in bytes."""

    repositories: dict[str, int]
    count: int
    used_bytes: int
    quota_bytes: int | None
    waiting_bundles: int
    waiting_bytes: int


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """Body of ``POST fetch``."""

    want: list[CommitId]
    have: list[CommitId] = field(default_factory=list)


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def parse(cls: type[M], data: object) -> M:
    """The message ``cls`` in ``data``. Raises :class:`Invalid` naming the first field that is missing or wrong."""
    if not isinstance(data, Mapping):
        raise Invalid(f"{cls.__name__}: the message is not a map")
    hints = _hints(typing.cast(Any, cls))
    values: dict[str, Any] = {}
    for item in fields(cls):  # type: ignore[arg-type]
        if item.name in data:
            values[item.name] = _check(hints[item.name], data[item.name], item.name)
        elif item.default is MISSING and item.default_factory is MISSING:
            raise Invalid(f"field {item.name!r} is missing", details={"field": item.name})
    return cls(**values)


def parse_target(data: object) -> PushTarget:
    """The :class:`PushTarget` in ``data``; there is a lease when ``expected_head`` is there at all, null included."""
    if isinstance(data, Mapping):
        data = {**data, "lease": "expected_head" in data}
    return parse(PushTarget, data)


def encode_target(target: PushTarget) -> dict[str, Any]:
    """The inverse of :func:`parse_target`."""
    values = encode(target)
    if not values.pop("lease"):
        del values["expected_head"]
    return values


def _check(hint: Any, value: Any, name: str) -> Any:
    if hint in _ID_TYPES or hint is Branch:
        try:
            return check_branch(value) if hint is Branch else parse_id(value, "it")
        except Invalid as exc:
            raise Invalid(f"field {name!r}: {exc.message}", hint=exc.hint, details={"field": name}) from exc
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _check(next(arg for arg in typing.get_args(hint) if arg is not type(None)), value, name)
    if origin is list and isinstance(value, list):
        (item,) = typing.get_args(hint)
        return [_check(item, entry, name) for entry in value]
    if origin is dict and isinstance(value, dict):
        _, item = typing.get_args(hint)
        if all(isinstance(key, str) and len(key) <= _MAX_TEXT_CHARS for key in value):
            return {key: _check(item, entry, f"{name}.{key[:60]}") for key, entry in value.items()}
    elif hint is float:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and -_MAX_INT <= value <= _MAX_INT:
            return float(value)
    elif hint is int:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_INT:
            return value
    elif (hint is bool and isinstance(value, bool)) or (
        hint is str and isinstance(value, str) and len(value) <= _MAX_TEXT_CHARS
    ):
        return value
    expected = getattr(hint, "__name__", str(hint))
    raise Invalid(f"field {name!r} is not {expected}: {shown(value, 60)}", details={"field": name})


def encode(message: Any, *, bare_ids: bool = False) -> dict[str, Any]:
    """The message as a map, ids with ``sha256:`` unless ``bare_ids``."""
    hints = _hints(typing.cast(Any, type(message)))
    return {item.name: _encode(hints[item.name], getattr(message, item.name), bare_ids) for item in fields(message)}


def _encode(hint: Any, value: Any, bare_ids: bool) -> Any:
    if value is None or bare_ids:
        return value
    if hint in _ID_TYPES:
        return qualified(value)
    args = typing.get_args(hint)
    if isinstance(value, list) and args:
        return [_encode(args[0], entry, bare_ids) for entry in value]
    if isinstance(value, dict) and len(args) == 2:
        return {key: _encode(args[1], entry, bare_ids) for key, entry in value.items()}
    wrapped = next((arg for arg in args if arg in _ID_TYPES), None)
    return qualified(value) if wrapped else value
