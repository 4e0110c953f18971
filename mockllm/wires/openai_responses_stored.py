"""`openai.responses.stored`: the responses that are stored, asked for, cancelled and deleted.

Documented in openai-openapi and the types of OpenAI's Python SDK 3.52: a stored response is got
whole or as its events (`?stream=true`, those after `starting_after`), its input in pages, newest
first unless `order=asc`. OpenAI streams only responses that were created as streams in the
background; here any can be. Only responses in the background can be cancelled, while they are not
ended; cancelling twice changes nothing. The texts of the refusals are documented, not captured.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Frame, Message
from mockllm.wires.dialects import dialect_of_path
from mockllm.wires.openai_check import invalid
from mockllm.wires.responses_check import unknown
from mockllm.wires.responses_input import input_items
from mockllm.wires.responses_paths import everywhere, is_served, refusing
from mockllm.wires.responses_reply import answer, stream
from mockllm.wires.responses_store import KIND, Stored, find
from mockllm.wires.wire import Drop, Effect, Refused, Setting, Understood, Wire

PAGE = 20
"""Items in a page."""
ENDED = {
    "completed": "Cannot cancel a completed response.",
    "failed": "Cannot cancel a failed response.",
}
"""Why a response in the background that has ended cannot be cancelled."""
MOST = 100
"""The most items that a client may ask for."""


class OpenAIResponsesStored(Wire):
    """GET and DELETE /v1/responses/{id}, its input_items, and POST …/cancel; Azure's too."""

    name: ClassVar = "openai.responses.stored"
    source: ClassVar = "openai-openapi, OpenAI's Python SDK 3.52 (documented)."
    endpoints: ClassVar = everywhere(
        ("GET", "/{id}"),
        ("DELETE", "/{id}"),
        ("POST", "/{id}/cancel"),
        ("GET", "/{id}/input_items"),
    )

    def claims(self, call: Call, dialect: str | None) -> bool:
        """On Azure's paths only what is Azure's."""
        return is_served(call, dialect)

    def dialect_of(self, call: Call) -> str:
        """OpenAI's or Azure's."""
        return dialect_of_path(call)

    def understand(self, call: Call) -> Understood:
        """The stream, which the query asks for."""
        return Understood(stream=is_retrieval(call) and parameter(call, "stream") == "true")

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what is not stored, what cannot be cancelled, and numbers that are none."""
        with refusing(setting):
            self.check_as_openai(call, setting)

    def check_as_openai(self, call: Call, setting: Setting) -> None:
        """Refuse it in OpenAI's words; raises `Refused`."""
        stored = stored_of(call, setting)
        if is_cancel(call):
            if not stored.reply.background:
                raise invalid("Cannot cancel a synchronous response.")
            if not stored.pending and stored.status != "cancelled":
                raise invalid(
                    ENDED.get(stored.status, "Cannot cancel a response in terminal state.")
                )
        check_whole(call, "starting_after", 0)
        check_whole(call, "limit", 1, MOST)
        order = parameter(call, "order")
        if order not in (None, "asc", "desc"):
            raise invalid(
                f"Invalid value: '{order}'. Supported values are: 'asc' and 'desc'.",
                "order",
                "invalid_value",
            )

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The response, its events or its input; or what was done with it."""
        stored = stored_of(call, setting)
        if call.path.endswith("/input_items"):
            return answer(page(call, input_items(stored.reply)), setting)
        if call.method == "DELETE":
            gone = {"id": stored.reply.id, "object": "response", "deleted": True}
            return answer(gone, setting)
        if call.stream:
            return stream(replayed(call, stored), setting)
        status = self.after(call, stored).status
        return answer(stored.reply.document(status), setting)

    def effects(self, call: Call, script: Script, setting: Setting) -> tuple[Effect, ...]:
        """What has become of the response."""
        stored = stored_of(call, setting)
        if call.method == "DELETE":
            return (Drop(KIND, stored.reply.id),)
        after = self.after(call, stored)
        return () if after == stored else (after.put(),)

    def after(self, call: Call, stored: Stored) -> Stored:
        """The response after the call."""
        if is_cancel(call):
            return replace(stored, status="cancelled")
        if not is_retrieval(call):
            return stored
        return stored.ended() if call.stream else stored.advanced()


def stored_of(call: Call, setting: Setting) -> Stored:
    """The response that the path names; raises `Refused`."""
    found = find(call.params["id"], setting)
    if found is None:
        raise unknown(call.params["id"])
    return found


def is_cancel(call: Call) -> bool:
    """Whether it asks to cancel."""
    return call.method == "POST"


def is_retrieval(call: Call) -> bool:
    """Whether it asks for the response itself."""
    return call.method in ("GET", "HEAD") and not call.path.endswith("/input_items")


def parameter(call: Call, name: str) -> str | None:
    """A parameter of the query."""
    values = parse_qs(call.query).get(name)
    return values[-1] if values else None


def check_whole(call: Call, name: str, least: int, most: int | None = None) -> None:
    """Refuse a parameter of the query that is no whole number in its range."""
    text = parameter(call, name)
    if text is None:
        return
    if not text.isascii() or not text.removeprefix("-").isdigit():
        raise invalid(
            f"Invalid type for '{name}': expected an integer, but got a string instead.",
            name,
            "invalid_type",
        )
    if int(text) < least:
        raise beyond(name, text, "below minimum", f">= {least}", "integer_below_min_value")
    if most is not None and int(text) > most:
        raise beyond(name, text, "above maximum", f"<= {most}", "integer_above_max_value")


def beyond(name: str, text: str, way: str, range: str, code: str) -> Refused:
    """A 400 for a number that is too small or too large."""
    return invalid(
        f"Invalid '{name}': integer {way} value. Expected a value {range}, but got {text} instead.",
        name,
        code,
    )


def replayed(call: Call, stored: Stored) -> tuple[Frame, ...]:
    """The events behind the one that the client has seen; those of a cancelled response stop
    before its first item."""
    reply = stored.reply
    if parameter(call, "include_obfuscation") == "false":
        options = {"stream_options": {"include_obfuscation": False}}
        reply = replace(reply, call=replace(reply.call, data={**reply.call.data, **options}))
    frames = reply.frames()
    if stored.status == "cancelled":
        names = ("response.created", "response.queued", "response.in_progress")
        frames = tuple(frame for frame in frames if frame.event in names)
    return frames[int(parameter(call, "starting_after") or -1) + 1 :]


def page(call: Call, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of the input, newest first unless the client wants the oldest first."""
    ordered = items if parameter(call, "order") == "asc" else items[::-1]
    after = parameter(call, "after")
    ids = [item["id"] for item in ordered]
    if after is not None:
        ordered = ordered[ids.index(after) + 1 :] if after in ids else []
    shown = ordered[: int(parameter(call, "limit") or PAGE)]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(shown) < len(ordered),
    }
