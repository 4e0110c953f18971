"""OpenAI's Python SDK on the Responses API, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx2
import openai
import pytest
from openai.types.responses import ResponseCreatedEvent, ResponseStreamEvent, ResponseTextDeltaEvent

from mockllm import MockLLM
from mockllm.scripts.canonical import CANONICAL
from tests.sdk.conduct import check_calls
from tests.sdk.drive import Outcome
from tests.sdk.openai_conduct import OPENAI

SPEED = 50
"""Waits pass so many times faster; the client's own limits do not."""
ASK: dict[str, Any] = {"model": "gpt-4o-mini", "input": "Hello!"}


@contextmanager
def client_of(server: MockLLM, **options: Any) -> Iterator[openai.OpenAI]:
    """The SDK, which does not try again."""
    options = {"max_retries": 0, "timeout": 10, **options}
    with openai.OpenAI(base_url=server.openai_url, api_key="none", **options) as client:
        yield client


def profile(*lines: str) -> str:
    """A profile of these lines."""
    return "\n".join(("mockllm: 1", *lines, ""))


def read(client: openai.OpenAI, **more: Any) -> tuple[str, list[str]]:
    """The text of a stream and the names of its events, up to an error."""
    text, names = "", []
    for event in client.responses.create(**ASK, stream=True, **more):
        names.append(event.type)
        if isinstance(event, ResponseTextDeltaEvent):
            text += event.delta
    return text, names


def test_a_whole_answer() -> None:
    """The text, and the usage that counts it."""
    with MockLLM() as server, client_of(server) as client:
        response = client.responses.create(**ASK)
    assert response.output_text == CANONICAL
    assert response.status == "completed"
    assert response.usage is not None
    assert response.usage.output_tokens == 60


def test_a_streamed_answer() -> None:
    """The SDK gathers the events to the response."""
    with (
        MockLLM() as server,
        client_of(server) as client,
        client.responses.stream(**ASK) as stream,
    ):
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        response = stream.get_final_response()
    assert text == response.output_text == CANONICAL


def test_the_asynchronous_client_reads_the_same() -> None:
    """With asyncio, too."""

    async def ask(url: str) -> str:
        async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:
            stream = await client.responses.create(**ASK, stream=True)
            return "".join(
                [e.delta async for e in stream if e.type == "response.output_text.delta"]
            )

    with MockLLM() as server:
        assert asyncio.run(ask(server.openai_url)) == CANONICAL


def test_tool_calls() -> None:
    """The calls of a stream are the script's, and their results can be sent back."""
    with MockLLM(profile("script: tools2")) as server, client_of(server) as client:
        with client.responses.stream(**ASK) as stream:
            response = stream.get_final_response()
        calls = [item for item in response.output if item.type == "function_call"]
        results: Any = [
            {"type": "function_call_output", "call_id": call.call_id, "output": "ok"}
            for call in calls
        ]
        again = client.responses.create(
            model="gpt-4o-mini", input=results, previous_response_id=response.id
        )
    assert [(call.name, call.arguments) for call in calls] == [
        ("get_weather", '{"city": "Paris"}'),
        ("get_time", '{"tz": "UTC"}'),
    ]
    assert again.previous_response_id == response.id


def test_turns_follow_the_previous_response() -> None:
    """A script of turns goes on where the last response was, by its id alone."""
    script = "script: {turns: [{text: first}, {text: second}, {text: third}]}"
    with MockLLM(profile(script)) as server, client_of(server) as client:
        said, previous = [], None
        for _ in range(3):
            response = client.responses.create(**ASK, previous_response_id=previous)
            said.append(response.output_text)
            previous = response.id
    assert said == ["first", "second", "third"]


def test_stored_responses() -> None:
    """What is stored is retrieved, listed, deleted, and then unknown."""
    with MockLLM() as server, client_of(server) as client:
        id = client.responses.create(**ASK).id
        assert client.responses.retrieve(id).output_text == CANONICAL
        (item,) = client.responses.input_items.list(id)
        assert item.type == "message"
        client.responses.delete(id)
        with pytest.raises(openai.NotFoundError, match="not found"):
            client.responses.retrieve(id)
        with pytest.raises(openai.BadRequestError, match="Previous response with id"):
            client.responses.create(**ASK, previous_response_id=id)


def test_pages_of_input_items() -> None:
    """The SDK goes through all pages."""
    said: Any = [{"role": "user", "content": str(number)} for number in range(45)]
    with MockLLM() as server, client_of(server) as client:
        id = client.responses.create(model="gpt-4o-mini", input=said).id
        items = list(client.responses.input_items.list(id, order="asc"))
    assert len({item.id for item in items}) == 45


def test_polling_a_background_response() -> None:
    """It is queued, then in progress, then completed; another is cancelled before that."""
    with MockLLM() as server, client_of(server) as client:
        response = client.responses.create(**ASK, background=True)
        statuses = [response.status]
        while response.status in ("queued", "in_progress"):
            response = client.responses.retrieve(response.id)
            statuses.append(response.status)
        other = client.responses.create(**ASK, background=True)
        cancelled = client.responses.cancel(other.id)
        with pytest.raises(openai.BadRequestError, match="Cannot cancel a completed response"):
            client.responses.cancel(response.id)
    assert statuses == ["queued", "in_progress", "completed"]
    assert response.output_text == CANONICAL
    assert cancelled.status == "cancelled"


def test_a_stream_that_broke_off_is_taken_up_again() -> None:
    """After a reset the client reads the rest from the stored response."""
    broken = profile(
        "routes: [{match: {wire: openai.responses}, faults: [{reset: , at: after content 5}]}]"
    )
    with MockLLM(broken) as server, client_of(server) as client:
        events: list[ResponseStreamEvent] = []
        with pytest.raises(openai.APIConnectionError):
            events.extend(client.responses.create(**ASK, stream=True, background=True))
        first, last = events[0], events[-1].sequence_number
        assert isinstance(first, ResponseCreatedEvent)
        assert last == 9
        events.extend(
            client.responses.retrieve(first.response.id, stream=True, starting_after=last)
        )
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == CANONICAL


def test_counting_and_compacting() -> None:
    """The SDK reads both answers."""
    with MockLLM() as server, client_of(server) as client:
        assert client.responses.input_tokens.count(**ASK).input_tokens == 9
        compacted = client.responses.compact(model="gpt-5.4", input="Hello!")
    assert [item.type for item in compacted.output] == ["message", "compaction"]


# Faults


def outcomes_of(
    server: MockLLM, model: str, *, stream: bool, calls: int, timeout: float
) -> list[Outcome]:
    """What came of calls one after the other."""
    with client_of(server, timeout=timeout) as client:
        return [outcome_of(client, model, stream) for _ in range(calls)]


def outcome_of(client: openai.OpenAI, model: str, stream: bool) -> Outcome:
    """What a caller has in hands after one call; a completed response has finished for `stop`."""
    outcome = Outcome()
    try:
        if not stream:
            response = client.responses.create(model=model, input="Hello!")
            outcome.text = response.output_text
            outcome.finish = "stop" if response.status == "completed" else None
            return outcome
        for event in client.responses.create(model=model, input="Hello!", stream=True):
            if event.type == "response.output_text.delta":
                outcome.text += event.delta
            elif event.type == "response.completed":
                outcome.finish = "stop"
    except Exception as error:
        outcome.add_error(error)
    return outcome


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", OPENAI)
def test_an_everyday_profile_comes_to_what_it_must(name: str, stream: bool) -> None:
    """To the same as with chat completions, but that JSON breaks off at another place."""
    expected = OPENAI[name].calls(stream)
    if name == "malformed-frame":
        expected = tuple(replace(one, says="Expecting" if one.says else "") for one in expected)
    with MockLLM(speed=SPEED) as server:
        outcomes = outcomes_of(
            server,
            f"mock-{name}",
            stream=stream,
            calls=len(expected),
            timeout=OPENAI[name].timeout,
        )
        server.assert_attempts(len(expected))
    check_calls(outcomes, expected)


def test_a_stall_meets_the_clients_timeout() -> None:
    """A stream that falls silent ends in a timeout."""
    with (
        MockLLM(profile("faults: [{stall: forever}]")) as server,
        client_of(server, timeout=0.5) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        read(client)


def test_a_truncated_stream_has_no_last_event() -> None:
    """The body ends properly after five deltas, and the response is never completed."""
    with MockLLM(profile("faults: [{truncate: }]")) as server, client_of(server) as client:
        text, names = read(client)
    assert len(text.split()) == 5
    assert names[-1] == "response.output_text.delta"


def test_a_garbled_event_is_no_json() -> None:
    """The sixth delta is broken."""
    with (
        MockLLM(profile("faults: [{garble: }]")) as server,
        client_of(server) as client,
        pytest.raises(ValueError, match=r"Expecting|Unterminated"),
    ):
        read(client)


def test_an_error_in_the_stream() -> None:
    """The SDK raises what the event says; `response.failed` and the proper end follow it."""
    spec = (
        "{message: Overloaded., error_type: service_unavailable_error, code: server_is_overloaded}"
    )
    with MockLLM(profile(f"faults: [{{error: {spec}}}]")) as server:
        with client_of(server) as client, pytest.raises(openai.APIError, match="Overloaded"):
            read(client)
        answer = httpx2.post(f"{server.openai_url}/responses", json={**ASK, "stream": True})
    *_, delta, error, failed, end = answer.text.split("\n\n")
    assert end == ""
    assert delta.startswith("event: response.output_text.delta\n")
    assert error == (
        'event: error\ndata: {"type":"error","error":{"type":"service_unavailable_error",'
        '"code":"server_is_overloaded","message":"Overloaded.","param":null},"sequence_number":9}'
    )
    assert failed.startswith('event: response.failed\ndata: {"type":"response.failed",')
    assert failed.endswith('"sequence_number":10}')
    reason = '"error":{"code":"server_is_overloaded","message":"Overloaded."}'
    assert f'"status":"failed","background":false,"completed_at":null,{reason}' in failed


def test_selectors_of_the_language() -> None:
    """Frames are found by kind, by tool and by the name of their event."""
    faults = [
        "{edit: drop, at: event response.in_progress}",
        "{edit: drop, at: content 1..3}",
        "{edit: drop, at: usage}",
    ]
    with MockLLM(profile(f"faults: [{', '.join(faults)}]")) as server:
        body = httpx2.post(f"{server.openai_url}/responses", json={**ASK, "stream": True}).text
    assert "response.in_progress" not in body
    assert "response.completed" not in body
    assert body.count("event: response.output_text.delta\n") == 57


def test_heartbeats() -> None:
    """Comments flow between the events, and OpenAI's own heartbeat is an event like any other."""
    beat = "{frame: {event: keepalive, json: {type: keepalive, sequence_number: 2}}}"
    faults = f"faults: [{{send: {beat}, at: before content 1}}, {{wait: {{ping: 10ms, for: 35ms}}, at: after content 5}}]"  # fmt: skip
    with MockLLM(profile(faults)) as server:
        with client_of(server) as client:
            text, names = read(client)
        body = httpx2.post(f"{server.openai_url}/responses", json={**ASK, "stream": True}).text
    assert text == CANONICAL
    assert names.count("keepalive") == 1
    assert body.count(": ping\n\n") == 3
    assert 'event: keepalive\ndata: {"type":"keepalive","sequence_number":2}\n\n' in body


def test_a_status_instead_of_an_answer() -> None:
    """The SDK tries again and then has the answer."""
    with (
        MockLLM(profile("faults: [{fail: {status: 503, headers: {retry-after-ms: '1'}}, first: 1}]")) as server,
        client_of(server, max_retries=1) as client,
    ):  # fmt: skip
        assert client.responses.create(**ASK).output_text == CANONICAL
        server.assert_attempts(2)
