"""Checks of a hub from this machine: it answers, the token, its clock, its object store, proxies in between."""

from __future__ import annotations

import asyncio
import secrets
import time
from urllib.parse import urlsplit

from museui.core.errors import MuseError, NotFound, Unauthorized, Unavailable, Unreachable
from museui.core.figures import render_bytes, render_seconds, render_span
from museui.core.ids import BundleId, hash_object
from museui.core.wire import Account, PresignAnswer, PresignRequest
from museui.hub.client import HubClient, HubLine
from museui.hub.trust import HubTrust
from museui.hub.url import RepositoryUrl
from museui.local.messages import Check

_CLOCK_S = 300.0
"""Maximum difference of two clocks in seconds: signed URLs and tokens expire by the clock."""
_PATIENCE_S = 20.0
_UPLOAD_PATIENCE_S = 60.0
_TRIED_BYTES = 64 << 10
_BODY_BYTES = 2 << 20
"""Size in bytes of a trial upload: more than the 1 MiB that proxies let through by default."""


async def examine_hub(base: str, token: str | None, trust: HubTrust, url: RepositoryUrl | None) -> list[Check]:
    """Ask the hub at ``base``; never raises :class:`MuseError`.

    ``url``: a repository on the hub, for trial uploads to the object store and through proxies. The repository does
    not change; the hub deletes what was staged.
    """
    try:
        async with asyncio.timeout(_PATIENCE_S):
            checks = await _examine(base, token, trust)
    except TimeoutError:
        message = f"took longer than {render_seconds(_PATIENCE_S)} to answer"
        return [Check(f"hub {base}", False, message, "Check that the hub runs, and the network in between.")]
    if url is None or not checks[-1].ok:
        return checks
    return [*checks, *await _examine_uploads(url, token, trust)]


async def _examine(base: str, token: str | None, trust: HubTrust) -> list[Check]:
    try:
        async with HubLine(base, token, trust=trust) as line:
            await line.fetch_about()  # opens the line, which takes longer than an answer
            began_s = time.perf_counter()
            about = await line.fetch_about()
            took_s = time.perf_counter() - began_s
            checks = [Check(f"hub {base}", True, f"answers in {render_seconds(took_s)}: {about.name} {about.version}")]
            checks.append(check_clock(base, about.time_s, time.time()))
            checks.append(await _check_token(line, base))
    except MuseError as exc:
        return [Check(f"hub {base}", False, exc.message, exc.hint)]
    return checks


async def _examine_uploads(url: RepositoryUrl, token: str | None, trust: HubTrust) -> list[Check]:
    checks: list[Check] = []
    try:
        async with asyncio.timeout(_UPLOAD_PATIENCE_S), HubClient(url, token, trust=trust) as client:
            refs = await client.fetch_refs()
            limits = refs.known_limits()
            checks.append(await _check_store(client, min(_BODY_BYTES, limits.max_bundle_bytes)))
            checks.append(await _check_proxy(client, min(_BODY_BYTES, limits.stream_max_bytes)))
    except NotFound:
        pass
    except TimeoutError:
        message = f"uploads of {render_bytes(_BODY_BYTES)} took longer than {render_seconds(_UPLOAD_PATIENCE_S)}"
        checks.append(Check(f"uploads {url.base}", False, message, "Is the line slow, or does something hold them up?"))
    except MuseError as exc:
        checks.append(Check(f"refs {url}", False, exc.message, exc.hint))
    return checks


def check_clock(base: str, hub_s: float | None, own_s: float) -> Check:
    """Check that the hub's clock and this machine's agree. Both in seconds since 1970."""
    name = f"clock {base}"
    if hub_s is None:
        return Check(name, True, "the hub does not say what time it has")
    apart_s = own_s - hub_s
    if abs(apart_s) > _CLOCK_S:
        way = "ahead of" if apart_s > 0 else "behind"
        message = f"this machine's clock is {render_span(abs(apart_s))} {way} the hub's"
        return Check(name, False, message, "Set the clock that is wrong; 'timedatectl set-ntp true' keeps it right.")
    return Check(name, True, "agrees with the hub's")


async def _check_token(line: HubLine, base: str) -> Check:
    name, sign_in = f"token {base}", f"Sign in: museui login {base}"
    if not line.has_token:
        return Check(name, False, "you are not signed in", sign_in)
    try:
        account = await line.fetch_account()
    except Unauthorized:
        return Check(name, False, "the hub does not take the token: it has expired or was revoked", sign_in)
    except MuseError as exc:
        return Check(name, False, exc.message, exc.hint)
    return Check(name, True, _describe(account))


def _describe(account: Account) -> str:
    text = f"is {account.name}'s, scope {account.scope}"
    text += f", for {account.repository} alone" if account.repository else ""
    return text + (f", for {render_span(account.expires_at - time.time())} more" if account.expires_at else "")


async def _check_store(client: HubClient, size_bytes: int) -> Check:
    """Check that the object store can be reached, takes what was announced, and refuses anything else.

    The refused uploads are small. The accepted one has ``size_bytes``, since a proxy may limit the size of uploads.
    """
    other = secrets.token_bytes(_TRIED_BYTES)
    name = f"store {client.url.base}"
    try:
        small, answer = await _presign(client, _TRIED_BYTES)
        name = f"store {urlsplit(answer.presigned_url).netloc[:100]}"
        url, headers = answer.presigned_url, answer.headers
        passed = [
            what
            for what, body in (("other bytes", other), ("another length", small[:-1]))
            if not await _is_refused(client, url, headers, body)
        ]
        await client.put(url, headers, len(small), small)
        large, answer = await _presign(client, size_bytes)
        await client.put(answer.presigned_url, answer.headers, len(large), large)
    except (Unreachable, Unavailable) as exc:
        hint = "The hub has uploads sent there: whoever runs it sets the address (--s3-public-endpoint) and the proxy."
        return Check(name, False, exc.message, hint)
    except MuseError as exc:
        return Check(name, False, exc.message, exc.hint)
    digest = any("sha256" in header.lower() for header in headers)
    if passed and (digest or "another length" in passed):
        hint = "The hub finds that out later. Is there a proxy before the store that changes uploads or answers itself?"
        return Check(name, False, f"takes {' and '.join(passed)} than was announced", hint)
    refuses = " and refuses what was not" if digest else ""
    return Check(name, True, f"takes what was announced{refuses}, {render_bytes(size_bytes)} too")


async def _presign(client: HubClient, size_bytes: int) -> tuple[bytes, PresignAnswer]:
    content = secrets.token_bytes(size_bytes)
    ask = PresignRequest(BundleId(hash_object(content)), size_bytes, put_headers=True)
    return content, await client.presign(ask, lease=False)


async def _is_refused(client: HubClient, url: str, headers: dict[str, str], body: bytes) -> bool:
    """Return whether the upload is refused. Raises :class:`Unreachable` and :class:`Unavailable` without an answer."""
    try:
        await client.put(url, headers, len(body), body)
    except (Unreachable, Unavailable):
        raise
    except MuseError:
        return True
    return False


async def _check_proxy(client: HubClient, size_bytes: int) -> Check:
    """Check that a request body of ``size_bytes`` reaches the hub. The body is no valid push, so the hub refuses it."""
    name = f"proxy {client.url.base}"
    try:
        await client.push_stream(bytes(size_bytes), size_bytes)
    except (Unreachable, Unavailable) as exc:
        return Check(name, False, exc.message, exc.hint)
    except MuseError as exc:
        if "request_id" in exc.details:
            return Check(name, True, f"bodies of {render_bytes(size_bytes)} reach the hub")
        return Check(name, False, f"a body of {render_bytes(size_bytes)} does not reach the hub", exc.hint)
    hint = "A hub refuses what makes no sense. What is in between, and answers in its place?"
    return Check(name, False, f"{render_bytes(size_bytes)} that make no sense were taken", hint)
