"""One response of OpenAI's Responses API: its document, and the events that tell of it.

The document has the fields of captures of 2026-01, in their order (documented). A script says why
it ended, and the status follows from that: `length` and `content_filter` leave a response
incomplete, `error` makes it fail, everything else completes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Message
from mockllm.timeline.valueclass import valueclass
from mockllm.wires.heads import make_head
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import compact
from mockllm.wires.logprobs import Logprobs
from mockllm.wires.openai_chat import overridden
from mockllm.wires.responses_items import Delta, Event, Item, Names, Style, items_of
from mockllm.wires.responses_request import input_tokens
from mockllm.wires.wire import Setting

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""The finish reasons of scripts that leave a response incomplete, and what it says then."""
SERVER_ERROR = {
    "code": "server_error",
    "message": "The server had an error processing your request. Sorry about that! You can retry "
    "your request, or contact us through our help center at help.openai.com if you keep seeing "
    "this error.",
}
"""The error of a response that failed for no other reason."""
TIME_TAKEN = 1
"""Seconds from `created_at` to `completed_at`."""
DEFAULTS: dict[str, Any] = {
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""What a response repeats of its request, and what it says where the request is silent."""


@valueclass(frozen=True)
class Reply:
    """One response: what it says, and to which request."""

    call: Call
    script: Script
    identity: Identity
    before: int = 0
    """The tokens of the responses that it goes on from."""

    @cached_property
    def names(self) -> Names:
        """The ids of the response and its items."""
        return Names(self.identity, self.call.conversation.turn)

    @cached_property
    def id(self) -> str:
        """The id of the response."""
        return self.names.id("resp", "id")

    @property
    def background(self) -> bool:
        """Whether the client does not wait for it."""
        return self.call.data.get("background") is True

    @property
    def stored(self) -> bool:
        """Whether it can be asked for later."""
        return self.call.data.get("store") is not False

    @cached_property
    def style(self) -> Style:
        """What the client wants to have in the stream and in the items."""
        data = self.call.data
        options = mapping(data.get("stream_options"))
        include = sequence(data.get("include"))
        top = data.get("top_logprobs")
        likely = top or "message.output_text.logprobs" in include
        return Style(
            self.identity,
            options.get("include_obfuscation") is not False,
            "reasoning.encrypted_content" in include,
            Logprobs(self.identity, top if isinstance(top, int) else 0) if likely else None,
        )

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The items of the output."""
        return items_of(self.script, self.names, self.style)

    @property
    def status(self) -> str:
        """How it ends."""
        if self.script.finish in INCOMPLETE:
            return "incomplete"
        return "failed" if self.script.finish == "error" else "completed"

    def item_status(self, index: int) -> str:
        """How an item ends: the last one of a response that is not whole is not whole either."""
        cut = self.status == "incomplete" and index == len(self.items) - 1
        return "incomplete" if cut else "completed"

    def document(self, status: str, error: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The response with this status; what it has said is in it when it has ended."""
        data = self.call.data
        given = {key: default if data.get(key) is None else data[key] for key, default in DEFAULTS.items()}  # fmt: skip
        ended = status == self.status
        reason = INCOMPLETE.get(self.script.finish) if status == "incomplete" else None
        done = self.identity.later(TIME_TAKEN) if status == "completed" else None
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.identity.created,
            "status": status,
            "background": self.background,
            "completed_at": done,
            "error": dict(error or SERVER_ERROR) if status == "failed" else None,
            "frequency_penalty": given["frequency_penalty"],
            "incomplete_details": {"reason": reason} if reason else None,
            "instructions": given["instructions"],
            "max_output_tokens": given["max_output_tokens"],
            "max_tool_calls": given["max_tool_calls"],
            "model": self.call.model,
            "output": self.output() if ended else [],
            "parallel_tool_calls": given["parallel_tool_calls"],
            "presence_penalty": given["presence_penalty"],
            "previous_response_id": given["previous_response_id"],
            "prompt_cache_key": given["prompt_cache_key"],
            "prompt_cache_retention": given["prompt_cache_retention"],
            "reasoning": {"effort": None, "summary": None, **mapping(data.get("reasoning"))},
            "safety_identifier": given["safety_identifier"],
            "service_tier": "default" if ended else "auto",
            "store": given["store"],
            "temperature": given["temperature"],
            "text": {
                "format": {"type": "text"},
                "verbosity": "medium",
                **mapping(data.get("text")),
            },
            "tool_choice": given["tool_choice"],
            "tools": [told(tool) for tool in sequence(data.get("tools"))],
            "top_logprobs": given["top_logprobs"],
            "top_p": given["top_p"],
            "truncation": given["truncation"],
            "usage": self.usage() if ended and self.script.has_usage else None,
            "user": given["user"],
            "metadata": given["metadata"],
        }

    def output(self) -> list[dict[str, Any]]:
        """The items as they are in the end."""
        return [item.document(self.item_status(i)) for i, item in enumerate(self.items)]

    def usage(self) -> dict[str, Any]:
        """Tokens: of the input about, of the output exactly the pieces it has."""
        asked = self.before + input_tokens(self.call.data)
        said = self.script.tokens
        computed = {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": said,
            "output_tokens_details": {"reasoning_tokens": self.script.tokens_of("reasoning")},
            "total_tokens": asked + said,
        }
        return overridden(computed, self.script.usage or {})

    @property
    def total(self) -> int:
        """All tokens of the conversation so far."""
        return self.before + input_tokens(self.call.data) + self.script.tokens

    def events(self) -> Iterator[Event | Delta]:
        """All events, in order."""
        first = "queued" if self.background else "in_progress"
        yield Event("response.created", {"response": self.document(first)}, ("role",))
        if self.background:
            yield Event("response.queued", {"response": self.document("queued")})
        yield Event("response.in_progress", {"response": self.document("in_progress")})
        for index, item in enumerate(self.items):
            yield from item.events(index, self.item_status(index))
        kinds = ("finish", "usage") if self.script.has_usage else ("finish",)
        yield Event(f"response.{self.status}", {"response": self.document(self.status)}, kinds)

    def frames(self) -> tuple[Frame, ...]:
        """The events, numbered from 0."""
        return tuple(event.frame(number) for number, event in enumerate(self.events()))

    def failure(self, error: Mapping[str, Any]) -> Event:
        """The event of a response that breaks off with an error."""
        return Event("response.failed", {"response": self.document("failed", error)}, ("finish",))


def mapping(value: Any) -> dict[str, Any]:
    """A part of the request that is a mapping; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """A part of the request that is a list; an empty one where it is none."""
    return value if isinstance(value, list) else []


def told(tool: Any) -> Any:
    """A tool as a response repeats it: a function's fields in order, strict unless it is not."""
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return tool
    return {
        "type": "function",
        "description": tool.get("description"),
        "name": tool.get("name"),
        "parameters": tool.get("parameters"),
        "strict": tool.get("strict", True),
    }


def answer(document: Any, setting: Setting, tokens: int = 0) -> tuple[Message, ...]:
    """A JSON document as an answer."""
    head = make_head(setting.dialect.server, 200, "application/json", setting.identity)
    return (head, Frame(("body",), compact(document), tokens=tokens), End())


def stream(frames: tuple[Frame, ...], setting: Setting) -> tuple[Message, ...]:
    """Events as an answer."""
    kind = "text/event-stream; charset=utf-8"
    head = make_head(setting.dialect.server, 200, kind, setting.identity, chunked=True)
    return (head, *frames, End())
