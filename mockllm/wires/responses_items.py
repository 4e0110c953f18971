"""The output items of a response, and the events in which each of them arrives.

Names, fields and their order follow captures of OpenAI's API of 2026-01 (documented); events and
fields that no capture has (refusals, summaries in the newer order) follow the types of OpenAI's
Python SDK 3.52. An event begins with its type, its other fields are in the order of the alphabet.
`obfuscation` fills each delta up to a multiple of sixteen characters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, ClassVar

from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.timeline.events import Frame
from mockllm.timeline.valueclass import valueclass
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import compact, quoted
from mockllm.wires.logprobs import Logprobs

WIDTH = 16
"""Deltas are filled up to a multiple of so many characters."""
MASKS = 16
"""How many different fillings a response has; they repeat, because nobody reads them."""
FILLINGS = tuple(Identity("fillings").letters(str(number), WIDTH) for number in range(MASKS))
"""The texts that they are cut from."""
MOST_TURNS = 255
STRUCTURE = ("item",)
"""The kind of events that open and close items and parts; no selector but `event NAME` and `frame`
means them."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream, before it has its number."""

    name: str
    fields: Mapping[str, Any]
    kinds: tuple[str, ...] = STRUCTURE
    part: int = 0
    tokens: int = 0

    def frame(self, number: int) -> Frame:
        """The event as the frame of this number, from 0."""
        fields = sorted({**self.fields, "sequence_number": number}.items())
        data = compact({"type": self.name, **dict(fields)})
        return Frame(self.kinds, data, self.name, self.part, self.tokens)


@dataclass(frozen=True, slots=True)
class Template:
    """What all deltas of a text have in common, cut where they differ."""

    name: str
    cuts: tuple[bytes, bytes, bytes, bytes]
    """What stands before the delta, the filling and the number, and behind the number."""
    kind: str
    part: int

    @classmethod
    def of(
        cls, name: str, fields: Mapping[str, Any], kind: str, part: int, *, filled: bool
    ) -> Template:
        """The template of an event with these fields, which may not hold the marks."""
        marks = {"delta": "<delta>", **({"obfuscation": "<filling>"} if filled else {})}
        event = Event(name, {**fields, **marks}).frame(0).data
        before_number, _, end = event.rpartition(b'"sequence_number":0')
        head, _, rest = before_number.partition(b'"<delta>"')
        before, _, after = rest.partition(b"<filling>") if filled else (b"", b"", rest)
        return cls(name, (head, before, after + b'"sequence_number":', end), kind, part)


@dataclass(frozen=True, slots=True)
class Delta:
    """One piece of a text, before it has its number. There are many, so that they are put together
    from bytes."""

    template: Template
    piece: str
    filling: str

    def frame(self, number: int) -> Frame:
        """The delta as the frame of this number, from 0."""
        template = self.template
        head, before, after, end = template.cuts
        filling = self.filling.encode()
        data = b"".join((head, quoted(self.piece), before, filling, after, b"%d" % number, end))
        return Frame((template.kind,), data, template.name, template.part, 1)


@valueclass(frozen=True)
class Names:
    """The ids of a response and its items: a common stem, and an end of their own.

    The stem is sixteen hexadecimal digits, the turn of the conversation in two (which are 01 in
    the captures) and the time of creation in eight. So the id of a response tells the turn of the
    next one, wherever that is asked for.
    """

    identity: Identity
    turn: int = 1

    @cached_property
    def stem(self) -> str:
        """What all ids of a response have in common."""
        turn = min(self.turn, MOST_TURNS)
        return (
            f"{self.identity.hexadecimal('response', 16)}{turn:02x}{self.identity.created_digits}"
        )

    def id(self, prefix: str, label: str) -> str:
        """`resp_`, `msg_`, `fc_` or `rs_` and fifty hexadecimal digits."""
        return f"{prefix}_{self.stem}{self.identity.hexadecimal(label, 24)}"


@dataclass(frozen=True)
class Style:
    """What a client wants to have in the stream and in the items."""

    identity: Identity
    obfuscated: bool = True
    encrypted: bool = False
    """Whether reasoning comes with its encrypted content."""
    logprobs: Logprobs | None = None

    def filling(self, number: int, delta: str) -> str:
        """What fills up the delta of this number; nothing where it is not wanted."""
        if not self.obfuscated:
            return ""
        return FILLINGS[number % MASKS][: WIDTH - len(delta) % WIDTH]

    def probabilities(self, *pieces: str) -> list[Any]:
        """How likely the pieces were, where the client asks for it."""
        return [self.logprobs.token(piece) for piece in pieces] if self.logprobs else []


@dataclass(frozen=True)
class Item(ABC):
    """One item of the output."""

    id: str
    style: Style

    kinds: ClassVar = STRUCTURE

    @abstractmethod
    def document(self, status: str, *, whole: bool = True) -> dict[str, Any]:
        """The item, whole or as it is announced."""

    @abstractmethod
    def content(self, place: Mapping[str, Any]) -> Iterator[Event | Delta]:
        """The events between announcement and end; `place` is what all of them carry."""

    def events(self, index: int, status: str) -> Iterator[Event | Delta]:
        """All events of the item, which is the one of this index and ends with this status."""
        before = {"item": self.document("in_progress", whole=False), "output_index": index}
        yield Event("response.output_item.added", before, self.kinds, self.number)
        yield from self.content({"item_id": self.id, "output_index": index})
        after = {"item": self.document(status), "output_index": index}
        yield Event("response.output_item.done", after, self.kinds, self.number)

    @property
    def number(self) -> int:
        """Which tool call it is, from 1; 0 for none."""
        return 0

    def deltas(
        self, name: str, fields: Mapping[str, Any], pieces: tuple[str, ...], kind: str
    ) -> Iterator[Delta]:
        """One event for each piece."""
        filled = self.style.obfuscated
        template = Template.of(name, fields, kind, self.number, filled=filled)
        for number, piece in enumerate(pieces):
            yield Delta(template, piece, self.style.filling(number, piece))


@dataclass(frozen=True)
class MessageItem(Item):
    """What the model says: texts and refusals, each one part of the content."""

    texts: tuple[Text, ...]

    def document(self, status: str, *, whole: bool = True) -> dict[str, Any]:
        """The message."""
        return {
            "id": self.id,
            "type": "message",
            "status": status,
            "content": [self.of(text) for text in self.texts] if whole else [],
            "role": "assistant",
        }

    def of(self, text: Text, *, whole: bool = True) -> dict[str, Any]:
        """One part of the content."""
        pieces = text.pieces if whole else ()
        if text.kind == "refusal":
            return {"type": "refusal", "refusal": "".join(pieces)}
        return {
            "type": "output_text",
            "annotations": [],
            "logprobs": self.style.probabilities(*pieces),
            "text": "".join(pieces),
        }

    def content(self, place: Mapping[str, Any]) -> Iterator[Event | Delta]:
        """Each part: announced, in deltas, whole, ended."""
        for index, text in enumerate(self.texts):
            here = {**place, "content_index": index}
            part = {**here, "part": self.of(text, whole=False)}
            yield Event("response.content_part.added", part)
            yield from self.refusal(here, text) if text.kind == "refusal" else self.text(here, text)
            yield Event("response.content_part.done", {**here, "part": self.of(text)})

    def text(self, here: Mapping[str, Any], text: Text) -> Iterator[Event | Delta]:
        """The deltas of a text, and the text."""

        name, tokens = "response.output_text", self.style.probabilities(*text.pieces)
        if tokens:
            for piece, token in zip(text.pieces, tokens, strict=True):
                one = {**here, "logprobs": [token]}
                yield from self.deltas(f"{name}.delta", one, (piece,), "content")
        else:
            fields = {**here, "logprobs": []}
            yield from self.deltas(f"{name}.delta", fields, text.pieces, "content")
        whole = {**here, "logprobs": tokens, "text": "".join(text.pieces)}
        yield Event(f"{name}.done", whole)

    def refusal(self, here: Mapping[str, Any], text: Text) -> Iterator[Event | Delta]:
        """The deltas of a refusal, and the refusal."""
        name = "response.refusal"
        yield from self.deltas(f"{name}.delta", here, text.pieces, "refusal")
        yield Event(f"{name}.done", {**here, "refusal": "".join(text.pieces)})


@dataclass(frozen=True)
class ReasoningItem(Item):
    """What the model thinks, as a summary of one part."""

    thought: Text
    label: str
    """Under which its secret is drawn."""

    def document(self, status: str, *, whole: bool = True) -> dict[str, Any]:
        """The item, which has no status; with its encrypted content where that is asked for."""
        secret = "gAAAAAB" + self.style.identity.letters(f"secret/{self.label}", 120)
        return {
            "id": self.id,
            "type": "reasoning",
            **({"encrypted_content": secret} if self.style.encrypted else {}),
            "summary": [self.summary(self.thought.pieces)] if whole else [],
        }

    def summary(self, pieces: tuple[str, ...] = ()) -> dict[str, str]:
        """The part of the summary."""
        return {"type": "summary_text", "text": "".join(pieces)}

    def content(self, place: Mapping[str, Any]) -> Iterator[Event | Delta]:
        """The part: announced, in deltas, whole, ended."""
        here = {**place, "summary_index": 0}
        pieces, name = self.thought.pieces, "response.reasoning_summary"
        yield Event(f"{name}_part.added", {**here, "part": self.summary()})
        yield from self.deltas(f"{name}_text.delta", here, pieces, "reasoning")
        yield Event(f"{name}_text.done", {**here, "text": "".join(pieces)})
        yield Event(f"{name}_part.done", {**here, "part": self.summary(pieces)})


@dataclass(frozen=True)
class FunctionItem(Item):
    """A call of a function."""

    call: ToolCall
    ordinal: int
    """Which call of the answer it is, from 1."""

    kinds: ClassVar = ("tool",)

    @property
    def number(self) -> int:
        """Its ordinal."""
        return self.ordinal

    def document(self, status: str, *, whole: bool = True) -> dict[str, Any]:
        """The call."""
        return {
            "id": self.id,
            "type": "function_call",
            "status": status,
            "arguments": "".join(self.call.arguments) if whole else "",
            "call_id": self.call.id
            or "call_" + self.style.identity.letters(f"call/{self.ordinal}", 24),
            "name": self.call.name,
        }

    def content(self, place: Mapping[str, Any]) -> Iterator[Event | Delta]:
        """The arguments, in deltas and whole."""
        name, pieces = "response.function_call_arguments", self.call.arguments
        yield from self.deltas(f"{name}.delta", place, pieces, "tool")
        whole = {**place, "arguments": "".join(pieces)}
        yield Event(f"{name}.done", whole, self.kinds, self.number)


def items_of(script: Script, names: Names, style: Style) -> tuple[Item, ...]:
    """The items in which a script is said; texts and refusals in a row are one message."""
    made: list[Item] = []
    calls = 0
    for kind, group in groupby(script.parts, kind_of):
        parts = list(group)
        if kind == "message":
            texts = tuple(part for part in parts if isinstance(part, Text))
            made.append(MessageItem(names.id("msg", f"item/{len(made)}"), style, texts))
            continue
        for part in parts:
            label = f"item/{len(made)}"
            if isinstance(part, Text):
                made.append(ReasoningItem(names.id("rs", label), style, part, label))
            else:
                calls += 1
                made.append(FunctionItem(names.id("fc", label), style, part, calls))
    return tuple(made)


def kind_of(part: Text | ToolCall) -> str:
    """The kind of item that a part is said in."""
    if isinstance(part, ToolCall):
        return "function_call"
    return "reasoning" if part.kind == "reasoning" else "message"
