"""Connections that fail, for real: each says why in plain words, and what to do about that."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from museui.core.errors import Unreachable
from museui.hub.client import HubLine
from museui.hub.connection_failures import explain
from museui.hub.probe import Probe
from museui.hub.trust import CERTIFICATE_HINT, HubTrust
from tests.helpers.certificates import write_certificates
from tests.helpers.program import Museui

RUNS = "Check that the hub runs and that the network is up."
PLAIN = "Check the port; the address of a hub without TLS begins with http://."
TLS = "Check the port; if TLS is spoken there, the address begins with https://."
REFUSED = (
    "the connection was refused: no program listens there",
    "Check the address and its port, and that the hub runs.",
)
NAME = "Check the spelling of the address, and that the network and its DNS server are up."

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """A port on which each connection is served by ``serve`` and closed."""

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                serve(near)
            except OSError:
                pass
            finally:
                near.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def plain(near: socket.socket) -> None:
    near.recv(1 << 16)
    near.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def closes(near: socket.socket) -> None:
    near.recv(1 << 16)


def resets(near: socket.socket) -> None:
    near.recv(1 << 16)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def alerts(near: socket.socket) -> None:
    """Answer as a TLS server answers plain HTTP."""
    near.recv(1 << 16)
    near.sendall(b"\x15\x03\x01\x00\x02\x02\x46")


def speaks_tls(folder: Path) -> Serve:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "public.crt", folder / "private.key")

    def serve(near: socket.socket) -> None:
        with context.wrap_socket(near, server_side=True) as wrapped:
            wrapped.recv(1 << 16)

    return serve


def write_certificate_of(folder: Path, first_day: int, last_day: int) -> None:
    """A certificate of its own authority that is valid from and to so many days from now."""
    now, key = datetime.datetime.now(datetime.UTC), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a hub")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=first_day))
        .not_valid_after(now + datetime.timedelta(days=last_day))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "public.crt").write_bytes(certificate.public_bytes(encoding))
    (folder / "ca.crt").write_bytes(certificate.public_bytes(encoding))
    (folder / "private.key").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))


async def fail(base: str, trust: HubTrust | None = None) -> tuple[str, str]:
    """Return why the hub at ``base`` cannot be reached and what to do; the client and the probe say the same."""
    host = base.partition("://")[2]
    with pytest.raises(Unreachable) as caught:
        async with HubLine(base, None, trust=trust or HubTrust()) as line:
            await line.fetch_about()
    error = caught.value
    assert error.message.startswith(f"cannot reach {host}: "), error.message
    async with Probe() as probe:
        answer = await probe.ask(base, trust.ca if trust else None)
    assert isinstance(answer, Unreachable)
    reason = error.message.removeprefix(f"cannot reach {host}: ")
    assert (answer.message, answer.hint) == (f"cannot reach {base}: {reason}", error.hint)
    return reason, error.hint


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert await fail(f"http://127.0.0.1:{port}") == REFUSED
    assert await fail(f"https://127.0.0.1:{port}") == REFUSED


@pytest.mark.parametrize(
    ("number", "reason"), [(socket.EAI_NONAME, "is not known"), (socket.EAI_AGAIN, "could not be")]
)
async def test_the_name_is_not_found(monkeypatch: pytest.MonkeyPatch, number: int, reason: str) -> None:
    def getaddrinfo(*arguments: object, **options: object) -> None:
        raise socket.gaierror(number, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    said, hint = await fail("http://hub.invalid")
    assert said.startswith(f"its name {reason}") and hint == NAME


@pytest.mark.parametrize(
    ("scheme", "serve", "reason", "hint"),
    [
        ("https", plain, "it does not speak TLS", PLAIN),
        ("https", closes, "it closed the connection when TLS began", f"{RUNS} {PLAIN}"),
        ("https", resets, "the connection was reset", f"{RUNS} {PLAIN}"),
        ("http", closes, "it closed the connection without an answer", f"{RUNS} {TLS}"),
        ("http", resets, "the connection was reset", f"{RUNS} {TLS}"),
        ("http", alerts, "what it answers is not HTTP", TLS),
    ],
)
async def test_what_answers_speaks_otherwise(scheme: str, serve: Serve, reason: str, hint: str) -> None:
    with server(serve) as port:
        assert await fail(f"{scheme}://127.0.0.1:{port}") == (reason, hint)


async def test_plain_http_to_a_tls_server_says_that_tls_may_be_spoken_there(tmp_path: Path) -> None:
    write_certificates(tmp_path)
    with server(speaks_tls(tmp_path)) as port:
        _, hint = await fail(f"http://127.0.0.1:{port}")
    assert hint.endswith(TLS)


async def test_certificates_that_are_refused_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    write_certificates(tmp_path)
    trusted = HubTrust(ca=str(tmp_path / "ca.crt"))
    with server(speaks_tls(tmp_path)) as port:
        said = await fail(f"https://127.0.0.1:{port}")
        assert said == ("its certificate is from an authority that is not trusted here", CERTIFICATE_HINT)
        reason, hint = await fail(f"https://localhost:{port}", trusted)
        assert reason == "its certificate is for another host name" and hint.startswith("Use the name that the")


@pytest.mark.parametrize(("days", "reason"), [((-9, -2), "has expired"), ((2, 9), "is not valid yet")])
async def test_the_dates_of_a_certificate(tmp_path: Path, days: tuple[int, int], reason: str) -> None:
    write_certificate_of(tmp_path, *days)
    with server(speaks_tls(tmp_path)) as port:
        said, hint = await fail(f"https://127.0.0.1:{port}", HubTrust(ca=str(tmp_path / "ca.crt")))
    assert said == f"its certificate {reason}" and "this machine's clock" in hint


def test_what_is_not_known_keeps_its_own_words() -> None:
    assert explain(ValueError("a strange thing"), "http://hub.test").reason == "a strange thing"
    assert explain(ValueError(), "http://hub.test").reason == "ValueError"
    assert explain(TimeoutError(), "http://hub.test").reason == "it takes too long to answer"
    assert explain(OSError(22, "Invalid argument"), "http://hub.test").reason == "the system says: Invalid argument"
    assert explain(UnicodeError("label too long"), "http://hub.test").reason == "its name cannot be a host's"


@pytest.mark.parametrize("words", [("push",), ("fetch",), ("clone",), ("doctor",)])
def test_every_verb_says_so(museui: Museui, tmp_path: Path, words: tuple[str, ...]) -> None:
    url = "http://127.0.0.1:9/ada/song"
    museui("init", "song")
    museui("-C", "song", "remote", "add", "origin", url)
    museui("-C", "song", "snapshot", "-m", "1", "--allow-empty")
    more = (url, "copy") if words == ("clone",) else ("song",)
    answer = museui(*words, *more)
    assert f"cannot reach 127.0.0.1:9: {REFUSED[0]}" in answer.out + answer.err
    assert REFUSED[1] in answer.out + answer.err
    assert "All connection attempts failed" not in answer.out + answer.err
