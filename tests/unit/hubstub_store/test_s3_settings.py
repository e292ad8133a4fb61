"""How an S3 store is described: by options, the environment and `hub.toml`, in this order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubstub.cli.store_options import read_store_settings
from hubstub.store.minio_setup import policies
from hubstub.store.s3_settings import Credential, S3Settings, parse_endpoint, parse_store
from hubstub.store.store_file import NAME, read_store_table, write_store_table
from museui.core.errors import Usage

SETTINGS = S3Settings(
    bucket="team",
    prefix="songs/",
    endpoint="http://127.0.0.1:9000",
    credential=Credential("hub-key", "hub-secret"),
    staging=Credential("staging-key", "staging-secret"),
    reading=Credential("reading-key", "reading-secret"),
    public_endpoint="https://store.example.org",
    region="eu-north-1",
    ca_file=Path("/etc/ca.pem"),
    virtual_host=True,
)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY", "SECRET_KEY", "STAGING_ACCESS_KEY", "STAGING_SECRET_KEY"):
        monkeypatch.delenv("MUSEUI_S3_" + name, raising=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://team", ("team", "")),
        ("s3://team/", ("team", "")),
        ("s3://team.of-two/a/b_c/", ("team.of-two", "a/b_c/")),
    ],
)
def test_a_store_is_a_bucket_and_perhaps_a_prefix(text: str, expected: tuple[str, str]) -> None:
    assert parse_store(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "team", "s3://", "s3://T", "s3://ab", "http://team", "s3://team/../x", "s3://team/a//b", "s3://team/a b"],
)
def test_what_is_no_store_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="not a store"):
        parse_store(text)


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1:9000", "ftp://x", "http://", "http://x/y", "http://u:p@x", "http://x?y", "http://x:port"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="not the address") as raised:
        parse_endpoint(text, "--an-option")
    assert "--an-option" in raised.value.hint


def test_an_address_loses_its_slash() -> None:
    assert parse_endpoint("https://[::1]:9000/", "") == "https://[::1]:9000"


def test_the_bucket_is_part_of_the_path_or_of_the_host() -> None:
    assert SETTINGS.bucket_url("https://store.example.org:9000") == "https://team.store.example.org:9000"
    path_style = replace(SETTINGS, virtual_host=False)
    assert path_style.bucket_url("https://store.example.org:9000") == "https://store.example.org:9000/team"


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(SETTINGS).replace("secret_key", "")


def test_what_is_written_is_read_back_and_the_file_is_its_owners(tmp_path: Path) -> None:
    write_store_table(tmp_path / NAME, SETTINGS)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert read_store_settings(tmp_path, {}) == SETTINGS
    plain = replace(SETTINGS, reading=None, public_endpoint=None, ca_file=None, virtual_host=False)
    (tmp_path / NAME).chmod(0o400)
    write_store_table(tmp_path / NAME, plain)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o400
    (tmp_path / NAME).chmod(0o664)
    write_store_table(tmp_path / NAME, plain)
    assert read_store_settings(tmp_path, {}) == plain
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600, "others must not read the keys"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_options_go_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_store_table(tmp_path / NAME, SETTINGS)
    monkeypatch.setenv("MUSEUI_S3_SECRET_KEY", "of the environment")
    found = read_store_settings(tmp_path, {"endpoint": "http://localhost:1/", "virtual_host": False})
    expected = replace(
        SETTINGS,
        endpoint="http://localhost:1",
        virtual_host=False,
        credential=Credential("hub-key", "of the environment"),
    )
    assert found == expected


def test_without_a_store_it_is_the_embedded_one(tmp_path: Path) -> None:
    assert read_store_settings(tmp_path, {}) is None
    with pytest.raises(Usage, match="no name"):
        read_store_settings(tmp_path, {"endpoint": "http://x"})


@pytest.mark.parametrize("name", ["access_key", "secret_key", "staging_access_key", "staging_secret_key", "endpoint"])
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    write_store_table(tmp_path / NAME, SETTINGS)
    lines = (tmp_path / NAME).read_text().splitlines()
    (tmp_path / NAME).write_text("\n".join(line for line in lines if not line.startswith(f"{name} =")))
    with pytest.raises(Usage) as raised:
        read_store_settings(tmp_path, {})
    assert name.upper() in raised.value.hint or "--s3-endpoint" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("store = 1", "not a table"),
        ("[store]\npasword = 'x'", "pasword"),
        ("[store]\nurl = 1", "wrong type"),
        ("[store]\nvirtual_host = 'yes'", "wrong type"),
        ("[store", "cannot read"),
    ],
)
def test_a_file_that_will_not_do_is_refused(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / NAME).write_text(text)
    (tmp_path / NAME).chmod(0o600)
    with pytest.raises(Usage, match=word):
        read_store_table(tmp_path / NAME)


def test_a_file_with_secrets_that_others_may_read_is_refused(tmp_path: Path) -> None:
    write_store_table(tmp_path / NAME, SETTINGS)
    (tmp_path / NAME).chmod(0o640)
    with pytest.raises(Usage, match="others may read"):
        read_store_table(tmp_path / NAME)
    (tmp_path / NAME).write_text("[store]\nurl = 's3://team'\n")
    assert read_store_table(tmp_path / NAME) == {"url": "s3://team"}


def test_keys_that_urls_name_may_do_one_thing_in_one_place() -> None:
    found = policies("team", "songs/")
    for role, action, place in (("staging", "s3:PutObject", "staging"), ("reading", "s3:GetObject", "objects")):
        (statement,) = found[role]["Statement"]
        assert statement["Action"] == [action]
        assert statement["Resource"] == [f"arn:aws:s3:::team/songs/{place}/*"]
    assert all("*" not in action for item in found["hub"]["Statement"] for action in item["Action"])
