"""Responses that are stored: asked for, gone on from, cancelled, deleted, counted, compacted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from openai.types.responses import InputTokenCountResponse, Response

from mockllm.engine.store import Documents
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script, Text
from mockllm.timeline.events import Frame
from mockllm.wires.openai_responses import OpenAIResponses
from mockllm.wires.openai_responses_input import OpenAIResponsesInput
from mockllm.wires.openai_responses_stored import OpenAIResponsesStored
from mockllm.wires.wire import Refused
from tests.wires.responses import PATH, SETTING, call, created, frames, read_strictly

WHY = Script((Text(("Why", " not")),))
LATER = OpenAIResponsesStored()
INPUT = OpenAIResponsesInput()


def later(store: Documents, path: str, method: str = "GET") -> list[Frame]:
    """The frames of a later call, whose effects the store has afterwards."""
    setting = replace(SETTING, store=store)
    made = call(f"{PATH}/{path}", method, LATER)
    found = frames(WHY, made, setting, LATER)
    store.apply(LATER.effects(made, WHY, setting))
    return found


def told(store: Documents, path: str, method: str = "GET") -> dict[str, Any]:
    """The document of a later call."""
    (frame,) = later(store, path, method)
    read: dict[str, Any] = json.loads(frame.data)
    return read


def refusal(store: Documents, path: str, method: str = "GET") -> tuple[Any, ...]:
    """Status, message, param and code of a call that is refused."""
    with pytest.raises(Refused) as caught:
        later(store, path, method)
    spec = caught.value.spec
    assert spec.error_type == "invalid_request_error"
    return spec.status, spec.message, spec.param, spec.code


def test_a_response_can_be_asked_for() -> None:
    """It is the one that was answered, also where that was streamed."""
    store = Documents()
    whole = created(WHY, store)
    streamed = created(WHY, store, key="two", stream=True)
    for id in (whole, streamed):
        response = told(store, id)
        Response.model_validate(response)
        assert (response["id"], response["status"]) == (id, "completed")
        assert response["output"][0]["content"][0]["text"] == "Why not"
        assert response["usage"]["output_tokens"] == 2


def test_what_is_not_stored_cannot_be_asked_for() -> None:
    """`store: false` leaves nothing behind, and another response cannot go on from it."""
    store = Documents()
    id = created(WHY, store, store=False)
    assert refusal(store, id) == (404, f"Response with id '{id}' not found.", None, None)
    with pytest.raises(Refused, match="Previous response with id"):
        OpenAIResponses().check(call(previous_response_id=id), replace(SETTING, store=store))


def test_a_deleted_response_is_gone() -> None:
    """It is deleted once."""
    store = Documents()
    id = created(WHY, store)
    assert told(store, id, "DELETE") == {"id": id, "object": "response", "deleted": True}
    assert refusal(store, id)[0] == 404
    assert refusal(store, id, "DELETE")[0] == 404


def test_a_response_goes_on_from_another() -> None:
    """Its input counts all tokens of the ones before."""
    store = Documents()
    first = created(WHY, store)
    second = created(WHY, store, key="two", previous_response_id=first)
    assert told(store, first)["usage"]["total_tokens"] == 11
    response = told(store, second)
    assert response["previous_response_id"] == first
    assert response["usage"]["input_tokens"] == 11 + 9


def test_events_are_replayed() -> None:
    """All of them, or those behind the last that the client has seen."""
    store = Documents()
    id = created(WHY, store, stream=True)
    sent = frames(WHY, call(stream=True))
    assert later(store, f"{id}?stream=true") == sent
    assert later(store, f"{id}?stream=true&starting_after=4") == sent[5:]
    assert later(store, f"{id}?stream=true&starting_after=0") == sent[1:]
    assert later(store, f"{id}?stream=true&starting_after=99") == []
    plain = later(store, f"{id}?stream=true&include_obfuscation=false")
    assert [frame.event for frame in plain] == [frame.event for frame in sent]
    assert b"obfuscation" not in b"".join(frame.data for frame in plain)


@pytest.mark.parametrize("value", ["x", "", "-1"])
def test_a_place_that_is_none_is_refused(value: str) -> None:
    """`starting_after` is a number from 0."""
    store = Documents()
    id = created(WHY, store)
    if value:
        assert refusal(store, f"{id}?starting_after={value}")[2] == "starting_after"
    else:
        assert told(store, f"{id}?starting_after=")["id"] == id


def test_a_background_response_ends_after_it_was_asked_for_once() -> None:
    """Queued at first, in progress when it is asked for, completed from then on."""
    store = Documents()
    wire, setting = OpenAIResponses(), replace(SETTING, store=store)
    made = call(background=True)
    (frame,) = frames(WHY, made, setting)
    store.apply(wire.effects(made, WHY, setting))
    first = json.loads(frame.data)
    Response.model_validate_json(frame.data, strict=True)
    assert (first["status"], first["output"], first["usage"]) == ("queued", [], None)
    assert first["background"] is True
    statuses = [told(store, first["id"])["status"] for _ in range(3)]
    assert statuses == ["in_progress", "completed", "completed"]
    assert told(store, first["id"])["output"]


def test_a_background_stream_tells_of_the_queue() -> None:
    """The events begin with the queue, and the response has ended with them."""
    store = Documents()
    id = created(WHY, store, stream=True, background=True)
    found = [read_strictly(frame.data) for frame in later(store, f"{id}?stream=true")]
    assert [event.type for event in found][:3] == [
        "response.created", "response.queued", "response.in_progress",
    ]  # fmt: skip
    assert [event.response.status for event in found[:3]] == ["queued", "queued", "in_progress"]
    assert [event.sequence_number for event in found] == list(range(len(found)))
    assert told(store, id)["status"] == "completed"


def test_watching_a_background_response_ends_it() -> None:
    """Who streams the events of a queued response sees them all."""
    store = Documents()
    id = created(WHY, store, background=True)
    assert later(store, f"{id}?stream=true")[-1].event == "response.completed"
    assert told(store, id)["status"] == "completed"


def test_a_background_response_can_be_cancelled() -> None:
    """While it is not ended; cancelling again changes nothing."""
    store = Documents()
    id = created(WHY, store, background=True)
    for _ in range(2):
        response = told(store, f"{id}/cancel", "POST")
        assert (response["status"], response["output"]) == ("cancelled", [])
    assert told(store, id)["status"] == "cancelled"
    replayed = [frame.event for frame in later(store, f"{id}?stream=true")]
    assert replayed == ["response.created", "response.queued", "response.in_progress"]


def test_what_cannot_be_cancelled() -> None:
    """A response that the client waited for, one that has ended, and one that is not there."""
    store = Documents()
    id = created(WHY, store)
    text = "Cannot cancel a synchronous response."
    assert refusal(store, f"{id}/cancel", "POST") == (400, text, None, None)
    id = created(WHY, store, key="two", background=True)
    for _ in range(2):
        told(store, id)
    text = "Cannot cancel a completed response."
    assert refusal(store, f"{id}/cancel", "POST") == (400, text, None, None)
    cut = created(replace(WHY, finish="length"), store, key="three", background=True)
    assert [told(store, cut)["status"] for _ in range(2)] == ["in_progress", "incomplete"]
    text = "Cannot cancel a response in terminal state."
    assert refusal(store, f"{cut}/cancel", "POST") == (400, text, None, None)
    assert refusal(store, "resp_x/cancel", "POST")[0] == 404


HISTORY = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"type": "function_call", "name": "f", "call_id": "c", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "ok"},
    {"id": "msg_mine", "role": "user", "content": [{"type": "input_text", "text": "three"}]},
]


def test_input_items() -> None:
    """The input comes as items with ids, a text as a part, newest first unless told otherwise."""
    store = Documents()
    id = created(WHY, store, input=HISTORY)
    oldest = told(store, f"{id}/input_items?order=asc")
    data = oldest["data"]
    assert [item["type"] for item in data] == [
        "message", "message", "function_call", "function_call_output", "message",
    ]  # fmt: skip
    assert data[0]["content"] == [{"type": "input_text", "text": "one"}]
    assert data[1]["content"][0]["type"] == "output_text"
    assert [item["id"].partition("_")[0] for item in data] == ["msg", "msg", "fc", "fco", "msg"]
    assert data[4]["id"] == "msg_mine"
    assert {item["status"] for item in data} == {"completed"}
    assert len({item["id"] for item in data}) == 5
    newest = told(store, f"{id}/input_items")
    assert newest["data"] == data[::-1]
    assert (newest["first_id"], newest["last_id"]) == ("msg_mine", data[0]["id"])
    assert newest["has_more"] is False


def test_input_items_come_in_pages() -> None:
    """`limit` and `after` go through them."""
    store = Documents()
    id = created(WHY, store, input=[{"role": "user", "content": str(n)} for n in range(25)])
    page = told(store, f"{id}/input_items?order=asc")
    assert (len(page["data"]), page["has_more"]) == (20, True)
    rest = told(store, f"{id}/input_items?order=asc&after={page['last_id']}")
    assert (len(rest["data"]), rest["has_more"]) == (5, False)
    assert rest["data"][0]["content"][0]["text"] == "20"
    few = told(store, f"{id}/input_items?limit=2")
    assert [item["content"][0]["text"] for item in few["data"]] == ["24", "23"]
    none = told(store, f"{id}/input_items?after=msg_of_nobody")
    assert (none["data"], none["first_id"], none["has_more"]) == ([], None, False)


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("limit=0", "limit", "integer_below_min_value"),
        ("limit=101", "limit", "integer_above_max_value"),
        ("limit=many", "limit", "invalid_type"),
        ("order=up", "order", "invalid_value"),
    ],
)
def test_pages_that_are_refused(query: str, param: str, code: str) -> None:
    """Limits out of range and unknown orders are a 400."""
    store = Documents()
    id = created(WHY, store)
    status, _, *found = refusal(store, f"{id}/input_items?{query}")
    assert (status, *found) == (400, param, code)


def test_input_is_counted() -> None:
    """The count is that of the usage."""
    made = call(f"{PATH}/input_tokens", wire=INPUT, input="Hi there", model="gpt-4o")
    (frame,) = frames(WHY, made, wire=INPUT)
    read = InputTokenCountResponse.model_validate_json(frame.data, strict=True)
    assert read.input_tokens == INPUT.prompt_tokens(made) == 9


def test_input_is_compacted() -> None:
    """Messages of the user stay, everything else is one item; the result can be sent again."""
    made = call(f"{PATH}/compact", wire=INPUT, input=HISTORY, model="gpt-4o", stream=True)
    assert made.stream is False
    (frame,) = frames(WHY, made, wire=INPUT)
    document = json.loads(frame.data)
    assert document["object"] == "response.compaction"
    assert [item["type"] for item in document["output"]] == ["message", "message", "compaction"]
    assert document["output"][-1]["encrypted_content"]
    assert document["usage"]["input_tokens"] == INPUT.prompt_tokens(made)
    OpenAIResponses().check(call(input=document["output"]), SETTING)


@pytest.mark.parametrize(
    ("path", "data", "param"),
    [
        ("compact", {"input": "x"}, "model"),
        ("compact", {"model": "m"}, "input"),
        ("compact", {"model": "m", "input": [{"type": {}}]}, "input[0].type"),
        ("input_tokens", {"input": 5}, "input"),
        ("input_tokens", {"previous_response_id": "resp_x"}, "previous_response_id"),
    ],
)
def test_input_that_is_refused(path: str, data: dict[str, Any], param: str) -> None:
    """What is missing or unknown is named."""
    with pytest.raises(Refused) as caught:
        INPUT.check(call(f"{PATH}/{path}", wire=INPUT, **data), SETTING)
    assert caught.value.spec.param == param


def test_understanding_what_is_stored() -> None:
    """Only the query makes a stream, and only of the response itself."""
    params = {"id": "resp_x"}
    for path, method, query, stream in (
        ("", "GET", "stream=true", True),
        ("", "GET", "", False),
        ("/cancel", "POST", "stream=true", False),
        ("/input_items", "GET", "stream=true", False),
    ):
        made = Call(method, f"{PATH}/resp_x{path}", query, params=params)
        assert LATER.understand(made).stream is stream
