"""To which hubs ``MUSEUI_TOKEN`` goes: those the user has named, in one way or another."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.core.errors import Usage
from museui.repo.identity import Identity, identity_path, write_identity
from museui.settings.tokens import note_named_hub, read_named_hubs, token_for

URL = "https://hub.example.org"
TOKEN = {"MUSEUI_TOKEN": "muse_x"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_it_goes_to_no_hub_that_only_a_repository_names() -> None:
    with pytest.raises(Usage, match=r"hub\.example\.org") as caught:
        token_for(URL, TOKEN)
    assert "MUSEUI_HUB=hub.example.org" in caught.value.hint and "muse_x" not in str(caught.value.to_json())
    assert token_for(URL, TOKEN, named=True) == "muse_x"
    with pytest.raises(Usage):
        token_for(URL, TOKEN)


@pytest.mark.parametrize("base", ["http://127.0.0.1:8750", "http://localhost:1", "https://[::1]:8750", "http://127.1"])
def test_it_goes_to_this_machine(base: str) -> None:
    assert token_for(base, TOKEN) == "muse_x"


def test_it_goes_where_one_is_signed_in() -> None:
    write_identity(Identity("hub.example.org", "from-file"), identity_path())
    assert token_for(URL, TOKEN) == "muse_x"
    with pytest.raises(Usage):
        token_for(f"{URL}:8443", TOKEN)
    with pytest.raises(Usage):
        token_for("https://hub.example.org.evil.example", TOKEN)


@pytest.mark.parametrize(
    "bound", ["hub.example.org", "https://hub.example.org", "https://Hub.example.org:443/", "hub.example.org:443"]
)
def test_one_that_is_bound_goes_there_alone(bound: str) -> None:
    write_identity(Identity("other.example", "from-file"), identity_path())
    assert token_for(URL, {**TOKEN, "MUSEUI_HUB": bound}) == "muse_x"
    assert token_for("https://other.example", {**TOKEN, "MUSEUI_HUB": bound}) == "from-file"
    assert token_for("https://evil.example", {**TOKEN, "MUSEUI_HUB": bound}) is None
    assert token_for("https://evil.example", {**TOKEN, "MUSEUI_HUB": bound}, named=True) is None
    assert token_for("http://127.0.0.1:8750", {**TOKEN, "MUSEUI_HUB": bound}) is None


def test_a_bound_that_is_no_address_is_named() -> None:
    with pytest.raises(Usage, match="MUSEUI_HUB"):
        token_for(URL, {**TOKEN, "MUSEUI_HUB": "https://hub:99999"})


def test_hubs_that_were_named_once_are_known(home: Path) -> None:
    assert read_named_hubs() == frozenset()
    note_named_hub("https://Hub.example.org:443")
    note_named_hub("https://hub.example.org")
    note_named_hub("https://other.example:8443")
    note_named_hub("http://127.0.0.1:8750")
    assert read_named_hubs() == {"hub.example.org", "other.example:8443"}
    assert token_for(URL, TOKEN) == token_for("https://other.example:8443", TOKEN) == "muse_x"
    with pytest.raises(Usage):
        token_for("https://other.example", TOKEN)
    (path,) = home.rglob("named-hubs")
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"\xff\xff\n")
    with pytest.raises(Usage):
        token_for(URL, TOKEN)


def test_where_nothing_can_be_noted_it_holds_for_once(home: Path) -> None:
    (home / ".local").write_text("no folder")
    note_named_hub(URL)
    assert read_named_hubs() == frozenset()
