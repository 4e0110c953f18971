"""How tests ask the wires of the Responses API."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from mockllm.engine.store import Documents
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Head
from mockllm.wires.identity import Identity
from mockllm.wires.openai_responses import OpenAIResponses
from mockllm.wires.wire import Setting, Wire, pattern

PATH = "/v1/responses"
SETTING = Setting(Identity("key"), ("gpt-4o-mini",))


def call(path: str = PATH, method: str = "POST", wire: Wire | None = None, **data: Any) -> Call:
    """A call as the engine would read it; creations have a model and an input."""
    wire = wire or OpenAIResponses()
    given = {"model": "gpt-4o", "input": "Hi there", **data} if path == PATH else data
    path, _, query = path.partition("?")
    params: dict[str, str] = {}
    for served, template in wire.endpoints:
        found = pattern(template).fullmatch(path)
        if served == method and found is not None:
            params = found.groupdict()
    made = Call(method, path, query, wire=wire.name, data=given, params=params)
    understood = wire.understand(made)
    return replace(
        made,
        model=understood.model,
        stream=understood.stream,
        conversation=understood.conversation,
    )


def frames(
    script: Script, made: Call, setting: Setting = SETTING, wire: Wire | None = None
) -> list[Frame]:
    """The frames of an answer to a request that is in order."""
    wire = wire or OpenAIResponses()
    wire.check(made, setting)
    answer = wire.answer(made, script, setting)
    assert isinstance(answer[0], Head)
    assert answer[-1] == End()
    return [event for event in answer if isinstance(event, Frame)]


def events(script: Script, **data: Any) -> list[dict[str, Any]]:
    """The events of a stream."""
    return [json.loads(frame.data) for frame in frames(script, call(stream=True, **data))]


def document(script: Script, **data: Any) -> dict[str, Any]:
    """The whole response."""
    (frame,) = frames(script, call(**data))
    found: dict[str, Any] = json.loads(frame.data)
    return found


def created(script: Script, store: Documents, /, key: str = "key", **data: Any) -> str:
    """The id of a response that is in the store afterwards, where it is to be stored."""
    setting = replace(SETTING, identity=Identity(key), store=store)
    wire, made = OpenAIResponses(), call(**data)
    first = frames(script, made, setting)[0]
    store.apply(wire.effects(made, script, setting))
    read = json.loads(first.data)
    return str(read["response"]["id"] if made.stream else read["id"])


@cache
def reader() -> TypeAdapter[Any]:
    """What reads an event as OpenAI's SDK types it."""
    return TypeAdapter(ResponseStreamEvent)


def read_strictly(data: bytes) -> Any:
    """An event, which must be one of those that the SDK knows, to the letter."""
    return reader().validate_json(data, strict=True)
