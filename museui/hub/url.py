"""Addresses: the URL of a repository on a hub, and where a token may be sent."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from museui.core.errors import Invalid, Usage
from museui.core.names import check_name, check_owner

_HOST = re.compile(r"[^\s\x00-\x20\x7f]+").fullmatch


@dataclass(frozen=True, slots=True)
class RepositoryUrl:
    """``base/owner/slug``: ``base`` is scheme and host (and path prefix, if any) without a trailing slash."""

    base: str
    owner: str
    slug: str

    def __str__(self) -> str:
        return f"{self.base}/{self.owner}/{self.slug}"

    @property
    def host(self) -> str:
        """``host`` or ``host:port``, the key of the hub in ``identity.toml``."""
        return urlsplit(self.base).netloc


def parse_hub_url(text: str) -> str:
    """The address of a hub, ``http(s)://host[:port]`` without a trailing slash. Raises :class:`Usage`.

    Without a scheme it is https, or http when the host can only be this machine.
    """
    hint = "A hub's address looks like https://hub.example.org ."
    if "://" not in text:
        text = f"http://{text}"
        if not is_loopback(_split(text, hint).geturl()):
            text = text.replace("http", "https", 1)
    parts = _split(text, hint)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def parse_repository_url(text: str) -> RepositoryUrl:
    """The parts of ``http(s)://host[:port]/owner/slug``. Raises :class:`Usage` when it is not one."""
    hint = "A remote looks like https://hub.example.org/ada/song ."
    parts = _split(text, hint)
    names = parts.path.split("/")
    if len(names) < 3:
        raise Usage(f"the URL names no repository: {text!r:.200}", hint=hint)
    try:
        owner, slug = check_owner(names[-2]), check_name(names[-1], "repository")
    except Invalid as exc:
        raise Usage(f"{exc.message} in {text!r:.200}", hint=exc.hint or hint) from exc
    prefix = "/".join(names[:-2])
    return RepositoryUrl(f"{parts.scheme}://{parts.netloc}{prefix}", owner, slug)


def _split(text: str, hint: str) -> SplitResult:
    """The parts of an http(s) URL without user, query and fragment. Raises :class:`Usage` with ``hint``."""
    try:
        parts = urlsplit(text.rstrip("/"))
        _ = parts.port
    except ValueError as exc:
        raise Usage(f"not a URL: {text!r:.200}", hint=hint) from exc
    if parts.username or parts.password:
        raise Usage("the URL has a user name or password in it", hint="Tokens are given to 'museui login' alone.")
    if parts.scheme not in ("http", "https") or not parts.hostname or not _HOST(parts.hostname):
        raise Usage(f"not the URL of a hub or of a repository on one: {text!r:.200}", hint=hint)
    if parts.query or parts.fragment:
        raise Usage(f"the URL has a query or a fragment: {text!r:.200}", hint=hint)
    return parts


def is_loopback(url: str) -> bool:
    """Whether the host of ``url`` can only be this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_token_may_travel(url: str) -> None:
    """Refuse to send a token over plain HTTP to another machine. Raises :class:`Usage`."""
    if urlsplit(url).scheme != "https" and not is_loopback(url):
        raise Usage(
            f"a token must not travel over plain HTTP to {urlsplit(url).netloc}",
            hint="Use the hub's https:// address.",
        )
