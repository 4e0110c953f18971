"""The admin API over HTTP."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

import pytest

from mockllm import MockLLM, __version__
from mockllm.server.admin import Guard, host_of, is_loopback
from tests.server.raw import GUARD, chat, connected, text_of

LAST_CHUNK = b"0\r\n\r\n"


class Reply:
    """A status and a body."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.text = body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(
    server: MockLLM,
    method: str,
    path: str,
    body: str | bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """One request to the admin API."""
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=GUARD)
    try:
        connection.request(method, f"/_mockllm{path}", body, headers or {})
        response = connection.getresponse()
        return Reply(response.status, response.read())
    finally:
        connection.close()


def put(server: MockLLM, **wish: object) -> Reply:
    """A switch of the profile."""
    return ask(server, "PUT", "/profile", json.dumps(wish), {"content-type": "application/json"})


def talk(server: MockLLM, **options: Any) -> bytes:
    """A chat, read to its end."""
    with connected(server.url) as raw:
        raw.send(chat(close=True, **options))
        return raw.read_all()[0]


def test_health(server: MockLLM) -> None:
    """Health says the version and the profile that is on."""
    reply = ask(server, "GET", "/health")
    assert (200, {"status": "ok", "version": __version__, "profile": "default"}) == (
        reply.status,
        reply.json,
    )


def test_journal(server: MockLLM) -> None:
    """The journal tells what was asked, planned, sent, and which faults acted."""
    server.add({"truncate": None})
    talk(server, headers={"Authorization": "Bearer sk-a-real-secret-key-1234"})
    talk(server, stream=False)
    calls = ask(server, "GET", "/journal").json["calls"]
    first, second = calls
    assert first["request"]["model"] == "gpt-4o-mini"
    assert first["request"]["headers"]["authorization"] == "Bearer ***1234"
    assert json.loads(first["request"]["body"])["stream"] is True
    assert first["plan"]["profile"] == "default"
    assert first["fired"] == ["truncate"]
    assert first["sent"]["status"] == 200
    assert first["sent"]["tokens"] == 5
    assert first["sent"]["frames"] == 6
    assert first["sent"]["head"].startswith("HTTP/1.1 200 OK\r\ndate: ")
    assert first["outcome"]["ending"] == "done"
    assert second["fired"] == []
    assert second["not_fired"] == {"truncate": "the answer has 0 content frames"}
    assert [call["number"] for call in ask(server, "GET", "/journal?last=1").json["calls"]] == [2]
    assert ask(server, "GET", "/journal?last=0").json["calls"] == []


def test_journal_of_a_session(server: MockLLM) -> None:
    """A session's calls can be read alone."""
    talk(server, headers={"Authorization": "Bearer mock-default.one"})
    talk(server, headers={"Authorization": "Bearer mock-default.two"})
    calls = ask(server, "GET", "/journal?session=two").json["calls"]
    assert [call["request"]["session"] for call in calls] == ["two"]


def test_a_bad_number(server: MockLLM) -> None:
    """A number that is none is refused with what came."""
    reply = ask(server, "GET", "/journal?last=many")
    assert (
        reply.status,
        reply.json,
    ) == (400, {"error": "last: expected a whole number, got 'many'"})


def test_switch_by_name(server: MockLLM) -> None:
    """After a switch all calls meet the new profile."""
    assert put(server, name="truncated-clean").json == {
        "name": "truncated-clean",
        "remaining": None,
    }
    assert text_of(talk(server)) == "This is a test answer"
    assert ask(server, "GET", "/profile").json["name"] == "truncated-clean"


def test_switch_for_some_time(server: MockLLM) -> None:
    """A switch may have a time to live, which counts down."""
    answer = put(server, name="truncated-clean", **{"for": "3m"}).json
    assert answer["name"] == "truncated-clean"
    assert 0 < answer["remaining"] <= 180


def test_switch_by_yaml(server: MockLLM) -> None:
    """A profile's text can be sent, as JSON or as it is."""
    text = "mockllm: 1\nfaults: [{close: clean, at: after content 2}]\n"
    assert put(server, yaml=text).json["name"] == "inline"
    assert text_of(talk(server)) == "This is"
    reply = ask(
        server, "PUT", "/profile?for=1m", text.replace("2", "3"), {"content-type": "text/yaml"}
    )
    assert round(reply.json["remaining"], 6) <= 60
    assert text_of(talk(server)) == "This is a"


@pytest.mark.parametrize(
    ("wish", "status", "error"),
    [
        (
            {"name": "stall-mid-steam"},
            404,
            "there is no profile named 'stall-mid-steam'; did you mean stall-mid-stream",
        ),
        ({"name": "/etc/passwd.yaml"}, 400, "expected the name of a profile, got the path"),
        ({"yaml": "mockllm: 1\nfualts: []"}, 400, "inline:2:1: fualts: unknown key 'fualts'"),
        ({"nam": "default"}, 400, 'expected {"name": …} or {"yaml": …}'),
        ({"name": "default", "for": "3"}, 400, "for: expected a duration such as 300ms"),
        ({"name": "default", "for": 3}, 400, "for: expected a duration, got 3; write the unit"),
    ],
)
def test_a_bad_switch(server: MockLLM, wish: dict[str, Any], status: int, error: str) -> None:
    """A switch that cannot be made says why, and the profile before stays on."""
    reply = put(server, **wish)
    assert reply.status == status
    assert reply.json["error"].startswith(error)
    assert ask(server, "GET", "/profile").json["name"] == "default"


def test_list(server: MockLLM) -> None:
    """All names are listed, with what each imitates."""
    profiles = {
        item["name"]: item["about"] for item in ask(server, "GET", "/profiles").json["profiles"]
    }
    assert profiles["default"] == "A healthy server."
    assert "stall-mid-stream" in profiles


def test_reset(server: MockLLM) -> None:
    """A reset forgets calls and counts, lets go of held streams, and keeps the profile."""
    put(server, yaml="mockllm: 1\nfaults: [{stall: forever, first: 1}]")
    with connected(server.url) as raw:
        raw.send(chat())
        raw.read_until(b'" answer"')
        assert ask(server, "POST", "/reset").json == {"status": "reset"}
        assert raw.read_all()[1] == "fin"
    assert ask(server, "GET", "/journal").json == {"forgotten": 0, "calls": []}
    assert ask(server, "GET", "/profile").json["name"] == "inline"
    with connected(server.url) as raw:
        raw.send(chat())
        raw.read_until(b'" answer"')  # the first call again: it stalls again
        raw.read_until(b"\n\n\r\n")
        assert raw.silent_for(0.1)


def test_plan(server: MockLLM) -> None:
    """The plan of a request can be asked for, and counts nothing."""
    put(server, name="mixed-error-schemas")
    body = chat().partition(b"\r\n\r\n")[2]
    plan = ask(server, "POST", "/plan?call=2", body).json
    assert [fault["acts"] for fault in plan["faults"]] == [False, True, False]
    assert plan["timeline"][0]["text"] == "500 application/json"
    text = ask(server, "POST", "/plan?profile=truncated-clean&format=text", body).text
    assert text.startswith("profile truncated-clean, only route, call 1: POST")
    assert text.endswith(
        "fault 1: truncate at after content 5: acts\n         = close: clean at after content 5\n"
    )
    assert ask(server, "GET", "/journal").json["calls"] == []


def test_an_unknown_endpoint(server: MockLLM) -> None:
    """The answer names the endpoints that there are."""
    reply = ask(server, "GET", "/jurnal")
    assert reply.status == 404
    assert "GET /_mockllm/journal" in reply.json["error"]


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"Host": "evil.example"}, "expected a Host that is loopback, got 'evil.example'"),
        ({"Origin": "https://evil.example"}, "expected a request of the same origin"),
    ],
)
def test_pages_elsewhere_are_kept_out(server: MockLLM, headers: dict[str, str], error: str) -> None:
    """A browser's page cannot reach the admin API of a server on the same machine."""
    reply = ask(server, "GET", "/journal", None, headers)
    assert reply.status == 403
    assert reply.json["error"].startswith(error)


def test_a_page_of_the_same_origin_may(server: MockLLM) -> None:
    """The server's own pages may ask."""
    assert ask(server, "GET", "/journal", None, {"Origin": server.url}).status == 200


def test_elsewhere_than_loopback_it_needs_a_token() -> None:
    """On an address that others reach, the admin API is off without a token, and asks for it."""
    with MockLLM(host="0.0.0.0") as server:
        reply = ask(server, "GET", "/journal")
        assert reply.status == 403
        assert "set MOCKLLM_ADMIN_TOKEN to open it" in reply.json["error"]
        assert ask(server, "GET", "/health").status == 200


class Sent:
    """As much of a request as the guard looks at."""

    def __init__(self, **headers: str) -> None:
        self.headers = headers


@pytest.mark.parametrize(
    ("guard", "headers", "allowed"),
    [
        (Guard(False, "secret"), {"authorization": "Bearer secret"}, True),
        (Guard(False, "secret"), {"authorization": "Bearer other"}, False),
        (Guard(False, "secret"), {}, False),
        (Guard(True, "secret"), {"host": "127.0.0.1:1"}, True),
        (Guard(True), {"host": "[::1]:8080"}, True),
        (Guard(True), {"host": "localhost"}, True),
        (Guard(True), {}, False),
        (Guard(False), {"host": "localhost"}, False),
    ],
)
def test_the_guard(guard: Guard, headers: dict[str, str], allowed: bool) -> None:
    """Who may use the admin API."""
    assert allowed == (guard.why_not(Sent(**headers)) is None)  # type: ignore[arg-type]


def test_hosts() -> None:
    """Which names mean this machine."""
    assert [host_of("a:1"), host_of("[::1]:2"), host_of("b")] == ["a", "::1", "b"]
    names = ["localhost", "127.0.0.1", "127.8.9.1", "::1", "10.0.0.1", "localhost.evil", ""]
    assert [is_loopback(name) for name in names] == [True, True, True, True, False, False, False]


def test_a_switch_without_a_content_type(server: MockLLM) -> None:
    """curl sends JSON as a form unless it is told; the body says what it is."""
    wish = json.dumps({"name": "truncated-clean", "for": "3m"})
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert ask(server, "PUT", "/profile", wish, form).json["name"] == "truncated-clean"
