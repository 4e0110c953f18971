"""What a plan holds: route, refusal, script, pacing, faults and bytes."""

from __future__ import annotations

import json

import pytest

from mockllm.engine.journal import Outcome
from mockllm.timeline.events import FOREVER, Close, Frame, Wait
from tests.engine.build import ask, engine, error, status, written
from tests.timeline.oracle import read

ROUTES = """
routes:
  - {name: gpt, match: {model: gpt-4o*, stream: true}, script: {text: a b}}
  - {name: llama, match: {model: llama*}, script: {text: c}}
"""


@pytest.mark.parametrize(
    ("model", "stream", "route", "misses"),
    [
        ("gpt-4o-mini", True, "gpt", {}),
        ("llama-3", False, "llama", {"gpt": ("model is 'llama-3', wanted gpt-4o*", "no stream was asked for")}),
        (
            "gpt-4o",
            False,
            "no route",
            {"gpt": ("no stream was asked for",), "llama": ("model is 'gpt-4o', wanted llama*",)},
        ),
    ],
)  # fmt: skip
def test_the_first_route_that_matches(
    model: str, stream: bool, route: str, misses: dict[str, tuple[str, ...]]
) -> None:
    """The first route is taken, and each before it says every reason why not."""
    plan = ask(engine(ROUTES), model=model, stream=stream)
    assert plan.found.name == route
    assert {miss.route: miss.reasons for miss in plan.misses} == misses
    assert status(plan) == 200


def test_strict_refuses_what_no_route_matches() -> None:
    """Without a healthy default the answer is a 404 with the near misses, the nearest first."""
    plan = ask(engine("strict: true" + ROUTES))
    assert status(plan) == 404
    assert error(plan) == {
        "message": "no route of the profile matches (gpt: no stream was asked for; "
        "llama: model is 'gpt-4o', wanted llama*)",
        "type": "invalid_request_error",
        "param": None,
        "code": "no_route",
    }
    none = ask(engine("strict: true\nroutes: []"))
    assert error(none)["message"] == "no route of the profile matches (it has none)"


def test_strict_refuses_unknown_models() -> None:
    """A model that the profile does not list is OpenAI's 404."""
    server = engine("strict: true\nmodels: [llama-3]")
    assert status(ask(server, model="llama-3")) == 200
    assert error(ask(server, model="gpt-9")) == {
        "message": "The model `gpt-9` does not exist or you do not have access to it.",
        "type": "invalid_request_error",
        "param": None,
        "code": "model_not_found",
    }
    assert status(ask(server, "/v1/models", method="GET")) == 200


def test_a_wrong_request_is_refused_as_the_server_would() -> None:
    """Validation answers before the script, and the plan says why."""
    plan = ask(engine(), messages=[])
    assert (status(plan), error(plan)["code"]) == (400, "empty_array")
    assert plan.refused == error(plan)["message"]


def test_a_token_limit_cuts_the_script() -> None:
    """max_tokens cuts the text at so many pieces, with the reason `length`."""
    plan = ask(engine("script: text60"), max_tokens=3)
    frame = next(step.event for step in plan.steps if isinstance(step.event, Frame))
    (choice,) = json.loads(frame.data)["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("w01 w02 w03", "length")
    assert json.loads(frame.data)["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("stream", [True, False])
def test_h11_reads_a_healthy_plan(stream: bool) -> None:
    """A healthy answer is whole to h11, on a connection that stays open."""
    found = read(written(ask(engine(), stream=stream)))
    assert (found.status, found.complete) == (200, True)
    assert found.body.endswith(b"data: [DONE]\n\n" if stream else b"}")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("keep_alive", "http10"), [(False, False), (True, True), (False, True)])
def test_the_head_fits_the_client(stream: bool, keep_alive: bool, http10: bool) -> None:
    """HTTP/1.0 gets no chunks, and who wants to close is answered with `close` and a FIN."""
    plan = ask(engine(), stream=stream, keep_alive=keep_alive, http10=http10)
    head = plan.head
    assert head is not None
    assert head.get("connection") == "close"
    assert (head.get("transfer-encoding") is None) is (http10 or not stream)
    assert plan.lowered.events[-1] == Close("fin", complete=True)
    assert read(written(plan), closed=True).complete


def test_head_is_get_without_a_body() -> None:
    """HEAD has the headers of GET, length included, and no body."""
    server = engine()
    get, head = ask(server, "/v1/models", method="GET"), ask(server, "/v1/models", method="HEAD")
    size = len(read(written(get)).body)
    assert f"content-length: {size}\r\n".encode() in written(head)
    assert read(written(head), method="HEAD").complete
    assert written(head).endswith(b"\r\n\r\n")


PACED = """
script: {text: a b}
pacing: {ttft: 1s, itl: 500ms}
faults: [{wait: 4s, at: after content 1}, {wait: forever, at: before done}]
"""


@pytest.mark.parametrize(
    ("paced", "speed", "waits"),
    [
        (True, 1.0, [Wait(1.0, True), Wait(4.0), Wait(0.5, True), Wait(FOREVER)]),
        (True, 2.0, [Wait(0.5, True), Wait(2.0), Wait(0.25, True), Wait(FOREVER)]),
        (False, 1.0, [Wait(4.0), Wait(FOREVER)]),
        (False, 4.0, [Wait(1.0), Wait(FOREVER)]),
    ],
)
def test_waits(paced: bool, speed: float, waits: list[Wait]) -> None:
    """Speed divides all waits but those without end; faults take their time also unpaced."""
    plan = ask(engine(PACED, paced=paced, speed=speed), stream=True)
    assert [event for event in plan.lowered.events if isinstance(event, Wait)] == waits


def test_which_frames_may_be_joined() -> None:
    """A healthy server's own waits say so, at any speed; those of faults never do."""
    made = ask(
        engine(PACED.replace("1s,", "1s, catch_up: join,"), paced=True, speed=2.0), stream=True
    )
    waits = [event for event in made.lowered.events if isinstance(event, Wait)]
    assert [wait.seconds for wait in waits] == [0.5, 2.0, 0.25, FOREVER]
    assert [wait.joins for wait in waits] == [True, False, True, False]


def test_the_same_request_gives_the_same_plan() -> None:
    """A plan is a function of call, profile and visit: words, jitter and chance included."""
    text = "script: {words: 20}\npacing: {jitter: 20%}\nfaults: [{wait: 1s, at: head, chance: 50%}]"
    one, two = engine(text, paced=True), engine(text, paced=True)
    plans = [(ask(one, stream=True), ask(two, stream=True)) for _ in range(5)]
    assert all(first == second for first, second in plans)
    assert len({first.lowered for first, _ in plans}) == 5


def test_faults_meet_refused_requests_too() -> None:
    """A server that is down is down also for a request that it would refuse."""
    assert status(ask(engine("faults: [{fail: 503}]"), messages=[])) == 503


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        ("error: envoy", b"upstream"),
        ("send: {frame: {delta: {content: odd}}}", b'"delta":{"content":"odd"}'),
        ("send: {error: {status: 503}, done: true}", b"server_is_overloaded"),
    ],
)
def test_faults_speak_the_wire(fault: str, body: bytes) -> None:
    """Frames that a fault adds are those of the wire, or of the shape that was asked for."""
    server = engine(f"faults: [{{{fault}}}]")
    assert body in written(ask(server, stream=True)) or b"fault filter" in written(
        ask(server, stream=True)
    )


def test_an_answer_by_name() -> None:
    """A named answer comes as it was captured, whatever the wire."""
    found = read(written(ask(engine("faults: [{reply: envoy.no-healthy-upstream}]"))), closed=True)
    assert (found.status, found.body) == (503, b"no healthy upstream")


def test_where_no_wire_is() -> None:
    """On a path that no wire serves a route that names it can still answer, in OpenAI's shape."""
    text = "routes: [{match: {path: /health}, faults: [{fail: 503}, {send: {frame: {delta: {}}}, at: head}]}]"
    plan = ask(engine(text), "/health", method="GET")
    assert (status(plan), error(plan)["code"]) == (503, "server_is_overloaded")
    text = "routes: [{match: {path: /health}, faults: [{send: {frame: {delta: {}}}, at: head}, {error: , at: end}]}]"
    assert b'"type":"server_error"' in written(ask(engine(text), "/health", method="GET"))


@pytest.mark.parametrize("profile", ["", "faults: [{fail: 429, over: {tokens: 9, per: 60s}}]"])
@pytest.mark.parametrize("messages", [5, 1.5, True, "Hi", {"a": 1}])
def test_messages_that_are_none_are_refused(profile: str, messages: object) -> None:
    """Whoever counts the tokens of what came before it is checked, or after it was refused."""
    to = engine(profile)
    for _ in range(3):
        plan = ask(to, messages=messages)
        assert (status(plan), error(plan)["param"]) == (400, "messages")
        to.ended(to.begin(plan, "").update(Outcome("done")))
