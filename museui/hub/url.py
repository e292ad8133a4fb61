"""Addresses: the URL of a repository on a hub, and where a token may be sent."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from museui.core.addresses import address_of, is_this_machine
from museui.core.errors import Invalid, Usage
from museui.core.names import check_name, check_owner
from museui.core.printable import is_line

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE).fullmatch
_BRACKETED = re.compile(r"\[[^\]]*\](?::\d+)?").fullmatch
_MAX_HOST_CHARS = 253


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
        parts = split_url(text.rstrip("/"))
    except ValueError as exc:
        shown = "" if "@" in text else f": {text!r:.200}"  # what stands before an @ may be a password
        raise Usage(f"not the URL of a hub or of a repository on one ({exc}){shown}", hint=hint) from exc
    if "@" in parts.netloc:
        raise Usage("the URL has a user name or password in it", hint="Tokens are given to 'museui login' alone.")
    if parts.query or parts.fragment:
        raise Usage(f"the URL has a query or a fragment: {text!r:.200}", hint=hint)
    return parts


def split_url(text: str) -> SplitResult:
    """The parts of an http(s) URL that one can connect to. Raises :class:`ValueError` with what is wrong, in words."""
    if any(char.isspace() for char in text) or not is_line(text):
        raise ValueError("it has a space or a control character in it")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("its host is none") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("it does not begin with https:// or http://")
    try:
        port = parts.port
    except ValueError:
        port = 0
    where = parts.netloc.rpartition("@")[2]
    if port == 0 or where.endswith(":"):
        raise ValueError("its port is not a number from 1 to 65535")
    _check_host(parts.hostname or "", bracketed="[" in where)
    if "[" in where and not _BRACKETED(where):
        raise ValueError("its host is no IPv6 address")
    return parts


def _check_host(host: str, *, bracketed: bool) -> None:
    """Raises :class:`ValueError` for what no resolver takes: it would fail there in ways nobody expects."""
    if bracketed:
        if "%" in host:
            raise ValueError("its address has a zone")
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError("its host is no IPv6 address") from None
        return
    if not host:
        raise ValueError("it has no host")
    if not host.isascii() or "xn--" in host:
        import idna

        try:
            host = idna.encode(idna.decode(host)).decode()
        except (idna.IDNAError, UnicodeError):
            raise ValueError("its host is no name that there can be") from None
    labels = host.removesuffix(".").split(".")
    if len(host) > _MAX_HOST_CHARS or not all(map(_LABEL, labels)):
        raise ValueError("its host is no name that there can be")
    if labels[-1].isdecimal() and len(labels) == 4 and address_of(host) is None:
        raise ValueError("its host is no IPv4 address")


def is_loopback(url: str) -> bool:
    """Whether the host of ``url`` can only be this machine."""
    return is_this_machine(urlsplit(url).hostname or "")


def check_token_may_travel(url: str) -> None:
    """Refuse to send a token over plain HTTP to another machine. Raises :class:`Usage`."""
    if urlsplit(url).scheme != "https" and not is_loopback(url):
        raise Usage(
            f"a token must not travel over plain HTTP to {urlsplit(url).netloc}",
            hint="Use the hub's https:// address.",
        )
