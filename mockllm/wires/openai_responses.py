"""`openai.responses`: OpenAI's Responses API, streamed and whole.

Every event is a frame with a name, and no marker follows the last one. The kinds of the language:
`role` is `response.created`, `content`, `reasoning` and `refusal` are the deltas, `tool` are all
events of a function call, `finish` is the event that ends the response, which carries the usage
too. The other events, which open and close items and parts, are selected by name
(`event response.content_part.done`).

An error inside the stream comes as in a capture of 2026-07-29 (documented): the event `error` with
the error nested in it, then `response.failed` with its code and message, then the proper end. The
published schema has the error flat; `send: {frame: {event: error, json: …}}` sends that one. An
error in the form of another server (`shape`) is sent as it is, without a name. So is the heartbeat
that OpenAI sends about every 30 s and that the schema does not have (documented):
`send: {frame: {event: keepalive, json: {type: keepalive, sequence_number: 3}}, every: 30s}`; a
comment, as `wait: {ping: 30s}` sends it, is no frame here either.

`reasoning` of a script is shown as a summary, whether the client asks for one or not. A response is
stored unless `store` is false. One in the background is queued when it is created, in progress when
it is first asked for, and ended from then on.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Frame, Message
from mockllm.timeline.valueclass import replace
from mockllm.wires.dialects import dialect_of_path
from mockllm.wires.json_bytes import without
from mockllm.wires.responses_check import check, unknown_previous
from mockllm.wires.responses_items import Event
from mockllm.wires.responses_paths import everywhere, is_served, refusing
from mockllm.wires.responses_reply import Reply, answer, stream
from mockllm.wires.responses_request import conversation, input_tokens
from mockllm.wires.responses_store import Stored, find
from mockllm.wires.wire import Effect, Setting, Understood, Wire

ERROR_FIELDS = ("type", "code", "message", "param")
"""The fields of an error in a stream, in their order."""
DELTAS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "content": ("response.output_text.delta", "msg", {"content_index": 0, "logprobs": []}),
    "reasoning_content": ("response.reasoning_summary_text.delta", "rs", {"summary_index": 0}),
    "refusal": ("response.refusal.delta", "msg", {"content_index": 0}),
}
"""The keys of a chat delta, and the event, item and fields that say the same here."""


class OpenAIResponses(Wire):
    """POST /v1/responses, and Azure's /openai/v1/responses and /openai/responses."""

    name: ClassVar = "openai.responses"
    source: ClassVar = "openai-openapi, a capture of 2026-07-29 (documented)."
    endpoints: ClassVar = everywhere(("POST", ""))

    def claims(self, call: Call, dialect: str | None) -> bool:
        """On Azure's paths only what is Azure's."""
        return is_served(call, dialect)

    def dialect_of(self, call: Call) -> str:
        """OpenAI's or Azure's."""
        return dialect_of_path(call)

    def understand(self, call: Call) -> Understood:
        """Model, stream and conversation."""
        return replace(super().understand(call), conversation=conversation(call.data))

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what OpenAI refuses, also a previous response that is not stored."""
        with refusing(setting):
            check(call)
            previous = call.data.get("previous_response_id")
            if previous and find(previous, setting) is None:
                raise unknown_previous(previous)

    def gist(self, call: Call, setting: Setting) -> Hashable | None:
        """All but the input, of which only the tokens are told, and the turn by the ids; what goes on
        from an earlier response depends on that, too."""
        if type(self) is not OpenAIResponses or call.data.get("previous_response_id") is not None:
            return None
        rest = without(call.data, "input")
        return rest, call.conversation.turn, self.prompt_tokens(call)

    def prompt_tokens(self, call: Call) -> int:
        """As the usage counts them, without those of earlier responses."""
        return input_tokens(call.data)

    def token_limit(self, call: Call) -> int | None:
        """`max_output_tokens`."""
        limit = call.data.get("max_output_tokens")
        return limit if isinstance(limit, int) else None

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The response, streamed if the client asked for it."""
        reply = reply_to(call, script, setting)
        if call.stream:
            return stream(reply.frames(), setting)
        if reply.background:
            return answer(reply.document("queued"), setting)
        return answer(reply.document(reply.status), setting, script.tokens)

    def effects(self, call: Call, script: Script, setting: Setting) -> tuple[Effect, ...]:
        """The response, for those who ask for it later."""
        # Of the request only what its document repeats is kept, and nothing that was worked out.
        kept = replace(call, body=b"", headers=(), memo={})
        reply = reply_to(kept, script, setting)
        if not reply.stored:
            return ()
        waits = reply.background and not call.stream
        return (Stored(reply, "queued" if waits else reply.status).put(),)

    def error_frame(self, call: Call, document: bytes, setting: Setting) -> Frame:
        """The event `error`; an error in the form of another server as it is."""
        error = error_of(document)
        if error is None:
            return Frame(("error",), document)
        ordered = {key: error[key] for key in (*ERROR_FIELDS, *error) if key in error}
        return Event("error", {"error": ordered}, ("error",)).frame(setting.sent)

    def failed(self, call: Call, document: bytes, setting: Setting) -> tuple[Frame, ...]:
        """`response.failed` behind an error of OpenAI."""
        error = error_of(document)
        if error is None:
            return ()
        reason = {"code": error.get("code") or "server_error", "message": error["message"]}
        reply = reply_to(call, Script(()), setting)
        return (reply.failure(reason).frame(setting.sent + 1),)

    def delta(self, call: Call, delta: dict[str, Any], setting: Setting) -> Frame:
        """The delta of a chat (`content`, `reasoning_content`, `refusal`) as the event that says
        the same here; any other is laid over an event of the text."""
        key = next((key for key in DELTAS if key in delta), "content")
        name, prefix, fields = DELTAS[key]
        own = {"delta": delta[key]} if key in delta else {"delta": "", **delta}
        ids = {"item_id": reply_to(call, Script(()), setting).names.id(prefix, "item/0")}
        event = Event(name, {"output_index": 0, **ids, **fields, **own}, ("extra",))
        return event.frame(setting.sent)


def reply_to(call: Call, script: Script, setting: Setting) -> Reply:
    """The response to a call, behind the ones that are stored."""
    previous = find(call.data.get("previous_response_id"), setting)
    return Reply(call, script, setting.identity, previous.reply.total if previous else 0)


def error_of(document: bytes) -> Mapping[str, Any] | None:
    """The error in a document of OpenAI's form; None in any other."""
    try:
        match json.loads(document):
            case {"error": {"message": str()} as error}:
                return dict(error)
            case _:
                return None
    except ValueError:
        return None
