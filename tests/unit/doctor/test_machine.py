"""What the doctor finds on this machine: each thing that can be wrong is wrong once, and said with its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from museui.doctor import machine
from museui.doctor.hub import check_clock
from museui.local.messages import Check
from museui.local.places import Places


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("HOME", str(tmp_path))
    return Places(tmp_path / "config" / "config.toml", tmp_path / "data", tmp_path / "run")


def assert_wrong(check: Check, *words: str) -> None:
    assert not check.ok and check.hint
    assert all(word in check.message + check.hint for word in words), check


def test_an_empty_home_is_well(places: Places, tmp_path: Path) -> None:
    checks = machine.examine_machine(places, tmp_path / "spool")
    assert [check.name for check in checks] == ["places", "configuration", "identities", "socket", "disk"]
    assert all(check.ok and check.message for check in checks)
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_must_be_is_named(places: Places, tmp_path: Path) -> None:
    places.data.write_text("in the way")
    assert_wrong(machine.check_places(places, tmp_path / "spool"), str(places.data))


def test_a_fault_of_the_configuration_has_its_line(places: Places) -> None:
    places.config.parent.mkdir()
    places.config.write_text("[daemon]\nhistory_days = 0\nnosuch = 1\n")
    assert_wrong(machine.check_configuration(places.config), f"{places.config}:2", "1 more", "config validate")
    places.config.write_bytes(b"\xff")
    assert_wrong(machine.check_configuration(places.config), "UTF-8")
    places.config.write_text("[daemon]\n")
    assert machine.check_configuration(places.config).ok


def test_tokens_that_others_can_read_are_wrong(places: Places, tmp_path: Path) -> None:
    identity = tmp_path / ".muse" / "identity.toml"
    identity.parent.mkdir()
    identity.write_text('["hub.example.org"]\ntoken = "muse_x"\n')
    identity.chmod(0o600)
    assert machine.check_identities() == Check("identities", True, "signed in to 1 hub")
    identity.chmod(0o644)
    assert_wrong(machine.check_identities(), f"chmod 600 {identity}")
    identity.write_text('["x')
    assert_wrong(machine.check_identities(), str(identity))


def test_a_socket_that_others_may_use_is_wrong(places: Places) -> None:
    places.runtime.mkdir()
    places.socket.touch(mode=0o600)
    assert machine.check_socket(places.socket).ok
    places.socket.chmod(0o666)
    assert_wrong(machine.check_socket(places.socket), "0666", "chmod 600")


def test_too_few_watches_are_said_with_how_to_get_more(tmp_path: Path) -> None:
    assert machine.check_watch_limit(3, tmp_path).ok
    limit = tmp_path / "fs" / "inotify" / "max_user_watches"
    limit.parent.mkdir(parents=True)
    limit.write_text("100\n")
    assert machine.check_watch_limit(3, tmp_path).ok
    assert_wrong(machine.check_watch_limit(100, tmp_path), "100 watches", "sysctl fs.inotify.max_user_watches")


def test_a_full_disk_is_wrong(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_ROOM_BYTES", 1 << 80)
    assert_wrong(machine.check_disk(places.data), "MiB are free", "Make room")


@pytest.mark.parametrize(
    ("hub_s", "ok"), [(1000.0, True), (701.0, True), (699.0, False), (1301.0, False), (None, True)]
)
def test_clocks_may_be_five_minutes_apart(hub_s: float | None, ok: bool) -> None:
    assert check_clock("https://hub.example.org", hub_s, 1000.0).ok is ok


def test_it_is_said_which_clock_is_ahead() -> None:
    assert "1 d ahead of" in check_clock("x", 0.0, 100_000.0).message
    assert "1 d behind" in check_clock("x", 100_000.0, 0.0).message
