"""Signing in to the pages, and what must not come of it: others' eyes, other sites' forms, tokens lying about."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.helpers.hub import HubProcess
from tests.helpers.hub_contents import read_tables
from tests.helpers.page_reader import BROWSER, Page, Visitor
from tests.helpers.push_client import PushClient
from tests.helpers.records import make_history

HISTORY = make_history({"secret.txt": b"hush\n"})
HEAD = HISTORY.head.removeprefix("sha256:")
PRIVATE = (
    "/ada/diary",
    "/ada/diary/-/branches",
    "/ada/diary/-/pushes",
    "/ada/diary/-/commits/main",
    f"/ada/diary/-/commit/{HEAD}",
    f"/ada/diary/-/files/{HEAD}",
    f"/ada/diary/-/files/{HEAD}/secret.txt",
    f"/ada/diary/-/raw/{HEAD}/secret.txt",
)


@pytest.fixture(scope="module")
def hub() -> Iterator[HubProcess]:
    with HubProcess() as process:
        with PushClient(process, "diary") as client:
            assert client.push(HISTORY)[0] == 200
        yield process


@pytest.fixture(scope="module")
def bob(hub: HubProcess) -> str:
    return hub.new_user("bob")


def _masked(response: httpx.Response, path: str) -> str:
    """An answer without what must differ: the address that was asked for."""
    return re.sub(r"next=[^\"]*", "next=", response.text.replace(path, ""))


@pytest.mark.parametrize("path", PRIVATE)
def test_private_page_looks_to_others_like_one_that_is_not_there(hub: HubProcess, bob: str, path: str) -> None:
    elsewhere = path.replace("diary", "nothing")
    for token in (None, bob):
        with Visitor(hub.url, token) as visitor:
            here, there = visitor.get(path), visitor.get(elsewhere)
            assert here.status_code == there.status_code == 404
            assert _masked(here, path) == _masked(there, elsewhere)
            assert ("Sign in" in Page(here).text) == (token is None)
    with Visitor(hub.url, hub.token) as ada:
        assert ada.get(path).status_code == 200


def test_signing_in_leads_back_to_where_one_was(hub: HubProcess) -> None:
    with Visitor(hub.url) as visitor:
        asked = visitor.read("/ada/diary", 404)
        form = visitor.read(asked.link("next=%2Fada%2Fdiary"))
        (target,) = [attributes["value"] for tag, attributes in form.tags if attributes.get("name") == "next"]
        answer = visitor.sign_in(hub.token, target)
        assert (answer.status_code, answer.headers["location"]) == (303, "/ada/diary")
        assert "ada" in visitor.read("/ada/diary").text


def test_cookie_is_for_this_hub_s_own_pages_and_no_script(hub: HubProcess) -> None:
    with Visitor(hub.url) as visitor:
        cookie = visitor.sign_in(hub.token).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/;" in cookie
    assert "Secure" not in cookie, "this hub speaks plain HTTP"
    assert hub.token not in cookie
    value = cookie.partition(";")[0].partition("=")[2]
    assert len(value) == 43
    stored = [row[0] for row in read_tables(hub.data_dir, ("sessions",))["sessions"]]
    assert stored and value.encode() not in stored and all(len(key) == 32 for key in stored)
    assert hub.token not in hub.log and value not in hub.log


def test_session_opens_the_pages_and_not_the_api(hub: HubProcess) -> None:
    with Visitor(hub.url, hub.token) as ada:
        assert ada.get("/ada/diary").status_code == 200
        assert ada.get("/ada/diary/refs").status_code == 404
        assert ada.http.delete("/ada/diary").status_code == 401
        assert ada.http.post("/ada/diary/push/stream", content=b"x").status_code == 401
        object_id = HISTORY.snapshots[0]["manifest"]["secret.txt"]
        assert ada.get(f"/o/{object_id}").status_code == 404


@pytest.mark.parametrize("wrong", ["", " ", "muse_", "muse_0000000000000000_" + "A" * 43, "<b>", "\0", "x" * 5000])
def test_wrong_token_is_refused_and_not_shown(hub: HubProcess, wrong: str) -> None:
    with Visitor(hub.url) as visitor:
        answer = visitor.sign_in(wrong, "/ada/diary")
        page = Page(answer)
        assert page.status == 401 and "The token is not valid." in page.text
        assert "set-cookie" not in answer.headers
        assert ("div", "alert") in [(tag, attributes.get("role")) for tag, attributes in page.tags]
        assert len(wrong) < 6 or wrong not in answer.text
        assert visitor.get("/ada/diary").status_code == 404


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1:1", "file://", "http://"])
def test_form_of_another_site_does_nothing(hub: HubProcess, origin: str | None) -> None:
    with Visitor(hub.url) as visitor:
        answer = visitor.post("/-/sign-in", {"token": hub.token}, origin)
        assert answer.status_code == 403 and "set-cookie" not in answer.headers
        assert visitor.sign_in(hub.token).status_code == 303
        assert visitor.post("/-/sign-out", {}, origin).status_code == 403
        assert visitor.get("/ada/diary").status_code == 200


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "", "x", "/%0d", "/é"]
)
def test_signing_in_leads_to_no_other_site(hub: HubProcess, target: str) -> None:
    with Visitor(hub.url) as visitor:
        assert visitor.sign_in(hub.token, target).headers["location"] == "/"


def test_form_that_is_none_is_refused(hub: HubProcess) -> None:
    with Visitor(hub.url) as visitor:
        for body, status in ((b"\xff=%zz&token", 401), (b"x" * 9000, 413)):
            headers = {"Origin": hub.url, "Content-Type": "application/x-www-form-urlencoded"}
            assert visitor.http.post("/-/sign-in", content=body, headers=headers).status_code == status


def test_signing_out_ends_the_session_itself(hub: HubProcess) -> None:
    with Visitor(hub.url, hub.token) as ada:
        cookie = ada.http.cookies["museui_session"]
        answer = ada.post("/-/sign-out", {})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "museui_session" not in ada.http.cookies
        assert ada.get("/ada/diary").status_code == 404
        kept = httpx.get(
            hub.repository("diary"), headers={**BROWSER, "Cookie": f"museui_session={cookie}"}, trust_env=False
        )
        assert kept.status_code == 404


def test_session_ends_with_its_token_and_sees_no_more_than_that(hub: HubProcess) -> None:
    hub.command("repo", "create", "ada/other")
    token = hub.command("token", "create", "ada", "--scope", "read", "--repo", "ada/other")
    with Visitor(hub.url, token) as visitor:
        page = visitor.read("/")
        assert "/ada/other" in page.links and "/ada/diary" not in page.links
        assert visitor.get("/ada/other").status_code == 200
        assert visitor.get("/ada/diary").status_code == 404
        hub.command("token", "revoke", token.split("_")[1])
        assert visitor.get("/ada/other").status_code == 404
        assert "Sign in" in visitor.read("/").text


def test_cookie_that_is_nobody_s_is_as_good_as_none(hub: HubProcess) -> None:
    for value in ("x", "A" * 43, "é", '"', "a" * 5000):
        headers = {**BROWSER, "Cookie": f"museui_session={value}".encode()}
        answer = httpx.get(hub.url + "/", headers=headers, trust_env=False)  # type: ignore[arg-type]
        assert answer.status_code == 200 and "Sign in" in answer.text


def test_token_itself_opens_pages_too(hub: HubProcess) -> None:
    answer = httpx.get(hub.repository("diary"), headers={**BROWSER, **hub.headers}, trust_env=False)
    assert answer.status_code == 200 and "secret.txt" not in answer.text


def test_collaborator_sees_what_they_were_given(hub: HubProcess) -> None:
    carol = hub.new_user("carol")
    with Visitor(hub.url, carol) as visitor:
        assert visitor.get("/ada/diary").status_code == 404
        given = httpx.put(
            hub.repository("diary") + "/collaborators/carol",
            json={"access": "read"},
            headers={"Authorization": f"Bearer {hub.command('token', 'create', 'ada', '--scope', 'admin')}"},
            trust_env=False,
        )
        assert given.status_code == 200, given.text
        assert visitor.get("/ada/diary").status_code == 200
        assert "/ada/diary" in visitor.read("/").links


def test_signing_in_again_ends_the_session_before(hub: HubProcess) -> None:
    with Visitor(hub.url, hub.token) as ada:
        before = {**BROWSER, "Cookie": f"museui_session={ada.http.cookies['museui_session']}"}
        assert httpx.get(hub.repository("diary"), headers=before, trust_env=False).status_code == 200
        assert ada.sign_in(hub.token).status_code == 303
        assert httpx.get(hub.repository("diary"), headers=before, trust_env=False).status_code == 404
        assert ada.get("/ada/diary").status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://[", "http://[::", "http://[x]", "http://a]b", "https://[v1.x", "http://:x:y:"]
)
def test_origin_that_is_no_address_is_one_of_another_site(hub: HubProcess, origin: str) -> None:
    with Visitor(hub.url) as visitor:
        for path in ("/-/sign-in", "/-/sign-out"):
            answer = visitor.http.post(path, data={"token": hub.token}, headers={"Origin": origin})
            assert answer.status_code == 403, answer.text


@pytest.mark.parametrize("host", ["[:::]", "[1.2.3.4.5.6]", "[::1]:99999", "x:99999", "[...]"])
def test_host_that_is_no_address_is_invalid(hub: HubProcess, host: str) -> None:
    with Visitor(hub.url) as visitor:
        headers = {"Host": host, "Origin": hub.url}
        answer = visitor.http.post("/-/sign-in", data={"token": hub.token}, headers=headers)
        assert answer.status_code == 422, answer.text


def test_form_of_many_fields_is_refused(hub: HubProcess) -> None:
    with Visitor(hub.url) as visitor:
        answer = visitor.http.post("/-/sign-in", content=b"a&" * 4000, headers={"Origin": hub.url})
        assert answer.status_code == 422, answer.text


def test_signing_in_and_out_count_as_any_request_does() -> None:
    """A form that tries one token after the other is slowed down like whoever asks the API without one."""
    with HubProcess("--requests-per-minute", "1", "--request-burst", "5", "--trusted-proxy", "127.0.0.1") as hub:
        form = {"token": "muse_" + "0" * 16 + "_" + "x" * 43}
        asks = [("POST", "/-/sign-in", 401), ("POST", "/-/sign-out", 303), ("GET", "/-/sign-in", 200)]
        for number, (method, path, status) in enumerate([*asks, ("GET", "/readyz", 200)]):
            headers = {"Origin": hub.url, "X-Forwarded-For": f"203.0.113.{number}"}
            with Visitor(hub.url) as visitor:
                data = form if method == "POST" else None
                answers = [visitor.http.request(method, path, data=data, headers=headers) for _ in range(6)]
                assert [answer.status_code for answer in answers] == [status] * 5 + [429]
                assert answers[-1].headers["Retry-After"]
                assert visitor.http.get("/healthz", headers=headers).status_code == 200
