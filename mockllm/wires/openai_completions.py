"""`openai.completions`: text completions, streamed and whole, in the forms of several servers.

The parameters and the form follow OpenAI's reference (documented). Each of several prompts has its
own choices, in the order of the prompts. Without `max_tokens` an answer has 16 tokens at most, as
the reference says. A prompt of tokens is counted and cannot be echoed, because there is no
vocabulary. A text completion has no reasoning and calls no tools: what a script has of them is left
out.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any, ClassVar

from mockllm.matchers.call import Call, Conversation
from mockllm.scripts.script import Script, Text
from mockllm.scripts.tokens import count_tokens
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.chat_form import Named, Options
from mockllm.wires.chat_request import stream_options
from mockllm.wires.dialects import Dialect, dialect_of_path
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import compact, place, quoted, template, without
from mockllm.wires.logprobs import Logprobs
from mockllm.wires.openai_chat import done_frame, overridden
from mockllm.wires.openai_check import (
    check_json,
    check_model,
    check_numbers,
    check_stream,
    check_stream_options,
    invalid,
    unknown_form,
    wrong_type,
)
from mockllm.wires.refusals import check_as
from mockllm.wires.wire import Setting, Understood, Wire

MAX_TOKENS = 16
"""How long an answer is at most, if the client does not say."""
NUMBERS: Mapping[str, tuple[int, float]] = {
    "n": (1, 128),
    "best_of": (1, 20),
    "max_tokens": (0, math.inf),
    "logprobs": (0, 5),
}
"""Parameters that are whole numbers, with their least and largest value (openai-openapi)."""
FIELDS = {"model": str, "temperature": float, "max_tokens": int, "stream": bool}
"""What pydantic looks at in the servers that check with it."""
FINISHES = {"tool_calls": "stop"}
"""What a text completion says instead of a finish reason that it does not have."""

Prompt = str | list[int]


class OpenAICompletions(Wire):
    """POST /v1/completions, KServe's /openai/v1/…, and Azure's deployments."""

    name: ClassVar = "openai.completions"
    source: ClassVar = "OpenAI's reference (documented)."
    endpoints: ClassVar = (
        ("POST", "/v1/completions"),
        ("POST", "/openai/v1/completions"),
        ("POST", "/openai/deployments/{deployment}/completions"),
    )

    def dialect_of(self, call: Call) -> str:
        """OpenAI's, Azure's or KServe's."""
        return dialect_of_path(call)

    def understand(self, call: Call) -> Understood:
        """Model and stream; what the user says is the last prompt."""
        understood = super().understand(call)
        texts = [prompt for prompt in prompts(call.data) or () if isinstance(prompt, str)]
        return Understood(
            understood.model or call.params.get("deployment"),
            understood.stream,
            Conversation(texts[-1] if texts else None),
        )

    def gist(self, call: Call, setting: Setting) -> Hashable | None:
        """All but the prompts, of which only the number is told, and the tokens where usage is; all of
        it where the answer repeats them."""
        if type(self) is not OpenAICompletions or call.data.get("echo"):
            return None
        options = stream_options(call.data)
        told = not call.stream or options.usage or options.each_usage
        rest, count = without(call.data, "prompt"), len(prompts(call.data) or ())
        return rest, count, self.prompt_tokens(call) if told else None

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what OpenAI refuses: no model, no prompt, wrong types, too few candidates."""
        needed = setting.dialect.needs_model

        def check(call: Call) -> None:
            """As OpenAI does."""
            check_json(call)
            check_model(call, needed=needed)
            check_candidates(call)
            check_stream_options(call)

        check_as(call, setting, "create_completion", FIELDS, "prompt", check)

    def prompt_tokens(self, call: Call) -> int:
        """As the usage counts them."""
        return sum(map(length, prompts(call.data) or ()))

    def token_limit(self, call: Call) -> int | None:
        """`max_tokens`, else 16."""
        limit = call.data.get("max_tokens")
        return limit if isinstance(limit, int) else MAX_TOKENS

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The completion, streamed if the client asked for it."""
        reply = TextReply.of(call, script, setting)
        return reply.streamed() if call.stream else reply.whole()

    def error_frame(self, call: Call, document: bytes, setting: Setting) -> Frame:
        """The error, in a line like the others."""
        return Frame(("error",), document, spaced=setting.dialect.chat.spaced_lines)

    def done(self, call: Call, setting: Setting) -> tuple[Frame, ...]:
        """`data: [DONE]`."""
        return (done_frame(setting.dialect),)

    def delta(self, call: Call, delta: dict[str, Any], setting: Setting) -> Frame:
        """A chunk of the same completion whose choice has these fields, too."""
        reply = TextReply.of(call, Script(()), setting)
        choice = {**reply.choice(0, "", None, None, whole=False), **delta}
        return Frame(("extra",), compact(reply.chunk(choice)))


def check_candidates(call: Call) -> None:
    """Refuse prompts in no known form, numbers out of range, and fewer candidates than choices."""
    data = call.data
    if prompts(data) is None:
        raise unknown_form("prompt")
    check_stream(call)
    check_numbers(data, NUMBERS)
    if data.get("echo") is not None and not isinstance(data["echo"], bool):
        raise wrong_type("echo", "a boolean", data["echo"])
    count, best = data.get("n") or 1, data.get("best_of")
    if best is not None and best < count:
        raise invalid(
            "You requested that the server return more choices than it will generate (HINT: "
            f"You must set 'n' (currently {count}) to be at most 'best_of' (currently {best}), "
            "or omit either parameter if you don't specifically want to use them.)"
        )


def prompts(data: Mapping[str, Any]) -> list[Prompt] | None:
    """The prompts of a request, each a text or tokens; None where they are neither.

    No prompt at all is an empty one (openai-openapi: `<|endoftext|>`).
    """
    match data.get("prompt", ""):
        case None:
            return [""]
        case str() as text:
            return [text]
        case [*many] if many and all(isinstance(one, str) for one in many):
            return many
        case [*many] if are_tokens(many):
            return [many]
        case [*many] if many and all(isinstance(one, list) and are_tokens(one) for one in many):
            return many
        case _:
            return None


def are_tokens(value: list[Any]) -> bool:
    """Whether a list is of tokens, and not empty."""
    return bool(value) and all(
        isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in value
    )


def length(prompt: Prompt) -> int:
    """The tokens of a prompt."""
    return count_tokens(prompt) if isinstance(prompt, str) else len(prompt)


@dataclass(frozen=True)
class TextReply:
    """One completion: what it says, and the names it bears."""

    call: Call
    script: Script
    identity: Identity
    dialect: Dialect
    named: Named
    options: Options
    prompts: tuple[Prompt, ...]

    @classmethod
    def of(cls, call: Call, script: Script, setting: Setting) -> TextReply:
        """The reply to a call, under the names that its identity gives."""
        form, identity = setting.dialect.text, setting.identity
        model = call.model or setting.models[0]
        named = Named(form.id(identity), model, identity.created, form.fingerprint(identity))
        options = stream_options(call.data)
        asked = tuple(prompts(call.data) or ("",))
        return cls(call, script, identity, setting.dialect, named, options, asked)

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """What is said, in pieces."""
        texts = [part for part in self.script.parts if isinstance(part, Text)]
        return tuple(piece for part in texts if part.kind != "reasoning" for piece in part.pieces)

    @cached_property
    def logprobs(self) -> Logprobs | None:
        """The probabilities of tokens, where the client wants them."""
        top = self.call.data.get("logprobs")
        return Logprobs(self.identity, top) if isinstance(top, int) else None

    @property
    def finish(self) -> str:
        """Why it ends."""
        return FINISHES.get(self.script.finish, self.script.finish)

    @property
    def each(self) -> int:
        """How many choices a prompt has: as many as the script wants, or as were asked for."""
        if self.script.choices is not None:
            return self.script.choices
        return int(self.call.data.get("n") or 1)

    @cached_property
    def echoes(self) -> list[str]:
        """What stands before the answer of each choice: its prompt, if the client wants it."""
        wanted = self.call.data.get("echo") is True
        return [
            prompt if wanted and isinstance(prompt, str) else ""
            for prompt in self.prompts
            for _ in range(self.each)
        ]

    def usage(self, *, whole: bool, tokens: int | None = None) -> dict[str, Any] | None:
        """Tokens, of all candidates (`best_of`); or of so many. None for a script without usage."""
        if not self.script.has_usage:
            return None
        made = max(self.each, int(self.call.data.get("best_of") or 1)) * len(self.prompts)
        answer = len(self.pieces) * made if tokens is None else tokens
        prompt = sum(map(length, self.prompts))
        computed = self.dialect.text.usage(prompt, answer, whole=whole)
        return overridden(computed, self.script.usage or {})

    def choice(
        self, index: int, text: str, logprobs: Any, finish: str | None, *, whole: bool
    ) -> dict[str, Any]:
        """A choice in its server's form."""
        return self.dialect.text.choice(index, text, logprobs, finish, whole=whole)

    def chunk(self, choice: dict[str, Any] | None, usage: Any = None) -> dict[str, Any]:
        """A chunk in its server's form."""
        return self.dialect.text.chunk(self.named, self.options, choice, usage)

    def logprobs_of(self, pieces: tuple[str, ...], offset: int) -> dict[str, Any] | None:
        """The probabilities of some pieces, the first of which stands at an offset in the text."""
        if self.logprobs is None:
            return None
        tokens = [self.logprobs.token(piece) for piece in pieces]
        offsets = []
        for piece in pieces:
            offsets.append(offset)
            offset += len(piece)
        return {
            "tokens": [token["token"] for token in tokens],
            "token_logprobs": [token["logprob"] for token in tokens],
            "top_logprobs": [
                {one["token"]: one["logprob"] for one in token["top_logprobs"]} for token in tokens
            ]
            if self.logprobs.top
            else None,
            "text_offset": offsets,
        }

    def whole(self) -> tuple[Message, ...]:
        """Head, one frame, end."""
        text = "".join(self.pieces)
        choices = [
            self.choice(
                index,
                echo + text,
                self.logprobs_of(self.pieces, len(echo)),
                self.finish,
                whole=True,
            )
            for index, echo in enumerate(self.echoes)
        ]
        document = self.dialect.text.document(self.named, choices, self.usage(whole=True))
        tokens = len(self.pieces) * len(choices)
        return (
            self.dialect.head(self.identity),
            Frame(("body",), compact(document), tokens=tokens),
            End(),
        )

    def streamed(self) -> tuple[Message, ...]:
        """Head, chunks, `[DONE]`, end; the chunks of several choices take turns."""
        columns = [self.frames(index, echo) for index, echo in enumerate(self.echoes)]
        spaced = self.dialect.chat.spaced_lines
        preamble = self.dialect.text.preamble()
        frames = [Frame(("extra",), compact(one), spaced=spaced) for one in preamble]
        frames += [frame for row in zip_longest(*columns) for frame in row if frame is not None]
        if self.options.usage and self.script.has_usage:
            data = compact(self.chunk(None, self.usage(whole=False)))
            frames.append(Frame(("usage",), data, spaced=spaced))
        return (
            self.dialect.stream_head(self.identity),
            *frames,
            done_frame(self.dialect),
            End(),
        )

    def frames(self, index: int, echo: str) -> Iterator[Frame]:
        """The chunks of one choice; the echo stands before the first piece."""
        spaced = self.dialect.chat.spaced_lines
        choice = self.choice(index, place("text"), place("logprobs"), None, whole=False)
        form = template(self.chunk(choice, place("usage")), "text", "logprobs", "usage")
        offset = len(echo)
        said = echo
        for number, piece in enumerate(self.pieces, 1):
            usage = self.usage(whole=False, tokens=number) if self.options.each_usage else None
            values = {
                b"text": quoted(said + piece),
                b"logprobs": compact(self.logprobs_of((piece,), offset)),
                b"usage": compact(usage),
            }
            yield Frame(("content",), form % values, tokens=1, spaced=spaced)
            offset += len(piece)
            said = ""
        tokens = len(self.pieces)
        usage = self.usage(whole=False, tokens=tokens) if self.options.each_usage else None
        last = self.choice(index, said, None, self.finish, whole=False)
        yield Frame(("finish",), compact(self.chunk(last, usage)), spaced=spaced)
