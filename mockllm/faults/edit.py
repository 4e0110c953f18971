"""`edit`: a frame, or the head, with other content."""

from __future__ import annotations

import json
import re
from abc import ABC
from itertools import zip_longest
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, StrictInt, Tag

from mockllm.faults.anchors import Anchor, parse_anchor
from mockllm.faults.fault import Editing, Exchange, Unit
from mockllm.faults.paths import put, without
from mockllm.faults.values import (
    Flag,
    Size,
    Strict,
    Text,
    chooser,
    expected,
    flow,
    one_or_many,
    parse_text,
)
from mockllm.timeline.encoding import is_event_stream
from mockllm.timeline.events import Frame, Head, Message
from mockllm.timeline.valueclass import replace


class Change(Strict, ABC):
    """One way to change the selected units; by default each by itself."""

    of_head: ClassVar = False
    """Whether it can change the head."""
    together: ClassVar = False
    """Whether what becomes of a unit depends on the others."""

    def rewrite(
        self, units: tuple[Unit, ...], exchange: Exchange
    ) -> tuple[tuple[Message, ...], ...]:
        """What stands in the place of each unit."""
        return tuple(
            self.head(unit.event, exchange)
            if isinstance(unit.event, Head)
            else self.frame(unit.event, unit.tokens, exchange)
            for unit in units
        )

    def head(self, head: Head, exchange: Exchange) -> tuple[Message, ...]:
        """What stands in the head's place."""
        return (head,)

    def frame(self, frame: Frame, tokens: int, exchange: Exchange) -> tuple[Message, ...]:
        """What stands in a frame's place; `tokens` have been sent with it and before it."""
        return (frame,)


class Drop(Change):
    """The frame is left out."""

    drop: Flag

    def frame(self, frame: Frame, tokens: int, exchange: Exchange) -> tuple[Message, ...]:
        """Nothing."""
        return ()


class Duplicate(Change):
    """The frame is sent several times."""

    duplicate: StrictInt = Field(ge=2, le=1_000_000, description="How many times in all.")

    def frame(self, frame: Frame, tokens: int, exchange: Exchange) -> tuple[Message, ...]:
        """The same frame, again."""
        return (frame,) * self.duplicate


class Document(Change, ABC):
    """A change of the frame's JSON; a frame that is no JSON (`[DONE]`) stays as it is."""

    def frame(self, frame: Frame, tokens: int, exchange: Exchange) -> tuple[Message, ...]:
        """The frame with the changed document."""
        try:
            document = json.loads(frame.data)
        except ValueError:
            return (frame,)
        changed = self.document(document, tokens, exchange)
        text = json.dumps(changed, ensure_ascii=False, separators=(",", ":"))
        return (replace(frame, data=text.encode("utf-8", "replace")),)

    def document(self, document: Any, tokens: int, exchange: Exchange) -> Any:
        """The changed document."""
        return document


class Patch(Document):
    """The frame's JSON is merged with a document: mappings by key, lists by index."""

    patch: dict[str, Any] = Field(description="The document; null is a value.")

    def document(self, document: Any, tokens: int, exchange: Exchange) -> Any:
        """The merged document."""
        return merge(document, filled(self.patch, tokens, exchange))


class Remove(Document):
    """Parts of the frame's JSON, or headers, are taken away."""

    of_head: ClassVar = True

    remove: Annotated[
        tuple[Text, ...],
        BeforeValidator(one_or_many, json_schema_input_type=Text | tuple[Text, ...]),
    ] = Field(description="Paths such as choices.0.delta.role (* is any), or names of headers.")

    def head(self, head: Head, exchange: Exchange) -> tuple[Message, ...]:
        """The head without these headers."""
        gone = {name.lower() for name in self.remove}
        kept = tuple((name, value) for name, value in head.headers if name.lower() not in gone)
        return (relabelled(head, kept),)

    def document(self, document: Any, tokens: int, exchange: Exchange) -> Any:
        """The document without these parts."""
        for path in self.remove:
            document = without(document, path.split("."))
        return document


def relabelled(head: Head, headers: tuple[tuple[str, str], ...]) -> Head:
    """A head with other headers; events stay events under another content type."""
    new, events = replace(head, headers=headers), is_event_stream(head)
    return new if is_event_stream(new) is events else replace(new, dressed=events)


class Pad(Strict):
    """A text of so many letters."""

    size: Size = Field(description="How long: 200KiB.")


def parse_values(value: object) -> object:
    """A mapping of paths or headers; `{size: …}` stands for padding."""
    if not isinstance(value, dict) or not value:
        raise expected("a mapping of paths or headers to their new values", value)
    return {
        key: Pad.model_validate(part) if isinstance(part, dict) and list(part) == ["size"] else part
        for key, part in value.items()
    }


class Set(Document):
    """Parts of the frame's JSON, or headers, get another value."""

    of_head: ClassVar = True

    set: Annotated[dict[str, Any], BeforeValidator(parse_values)] = Field(
        description="Paths or headers and their values; {size: 200KiB} pads with letters."
    )

    def head(self, head: Head, exchange: Exchange) -> tuple[Message, ...]:
        """The head with these headers, in the place of those of the same name."""
        given = {
            name.lower(): (name, exchange.fill(header_text(value)))
            for name, value in self.set.items()
        }
        kept = tuple(given.pop(name.lower(), (name, value)) for name, value in head.headers)
        return (relabelled(head, (*kept, *given.values())),)

    def document(self, document: Any, tokens: int, exchange: Exchange) -> Any:
        """The document with these values."""
        for path, value in self.set.items():
            new = "x" * value.size if isinstance(value, Pad) else filled(value, tokens, exchange)
            document = put(document, path.split("."), new)
        return document


class Truncate(Change):
    """The frame's payload is cut, so that its JSON is broken."""

    truncate: StrictInt = Field(description="Keep N bytes; a negative number cuts N bytes off.")

    def frame(self, frame: Frame, tokens: int, exchange: Exchange) -> tuple[Message, ...]:
        """The first bytes of the payload."""
        return (replace(frame, data=frame.data[: self.truncate]),)


class Replace(Change):
    """The frame's payload is another text."""

    replace: Text = Field(description="The payload, without `data: `.")

    def frame(self, frame: Frame, tokens: int, exchange: Exchange) -> tuple[Message, ...]:
        """The other payload."""
        text = exchange.fill(str(filled(self.replace, tokens, exchange)))
        return (replace(frame, data=text.encode()),)


class Interleave(Change):
    """The frames of several tool calls take turns, as models that call in parallel send them."""

    together: ClassVar = True

    interleave: Literal["tool"]

    def rewrite(
        self, units: tuple[Unit, ...], exchange: Exchange
    ) -> tuple[tuple[Message, ...], ...]:
        """The same frames: the first of each call, then the second of each, and so on."""
        frames = [unit.event for unit in units if isinstance(unit.event, Frame)]
        calls = sorted({frame.part for frame in frames})
        rows = zip_longest(*([f for f in frames if f.part == call] for call in calls))
        turns = [frame for row in rows for frame in row if frame is not None]
        return tuple((frame,) for frame in turns)


NUMBER = re.compile(r"\{\{n(?:\+(\d+))?\}\}")


def filled(value: Any, tokens: int, exchange: Exchange) -> Any:
    """A value with its placeholders filled in; `{{n}}` alone is a number."""
    match value:
        case dict():
            return {key: filled(part, tokens, exchange) for key, part in value.items()}
        case list():
            return [filled(part, tokens, exchange) for part in value]
        case str():
            whole = NUMBER.fullmatch(value)
            if whole is not None:
                return tokens + int(whole[1] or 0)
            text = NUMBER.sub(lambda found: str(tokens + int(found[1] or 0)), value)
            return exchange.fill(text)
        case _:
            return value


def is_header(value: Any) -> bool:
    """Whether a value can be a header's."""
    return isinstance(value, Pad | str | int | float)


def header_text(value: Any) -> str:
    """The value of a header; padding gives letters."""
    return "x" * value.size if isinstance(value, Pad) else parse_text(value)


def merge(document: Any, patch: Any) -> Any:
    """A deep merge: mappings by key, lists by index, anything else is replaced."""
    match document, patch:
        case dict(), dict():
            return document | {key: merge(document.get(key), value) for key, value in patch.items()}
        case list(), list():
            merged = [merge(old, new) for old, new in zip(document, patch, strict=False)]
            return merged + document[len(patch) :] + patch[len(document) :]
        case _:
            return patch


class EditFault(Editing):
    """A frame, or the head, with other content, properly framed.

    On the wire: the frame's payload is changed, dropped or repeated before the body is framed, so
    chunk sizes and Content-Length match what is sent. At `head`, `set` and `remove` change headers;
    what the head then says decides the framing. Another content type is a label: events stay events.
    """

    verb: ClassVar = "edit"

    edit: Annotated[
        Annotated[Drop, Tag("<drop>")]
        | Annotated[Duplicate, Tag("<duplicate>")]
        | Annotated[Patch, Tag("<patch>")]
        | Annotated[Remove, Tag("<remove>")]
        | Annotated[Set, Tag("<set>")]
        | Annotated[Truncate, Tag("<truncate>")]
        | Annotated[Replace, Tag("<replace>")]
        | Annotated[Interleave, Tag("<interleave>")],
        *chooser("a change", Drop, Duplicate, Patch, Remove, Set, Truncate, Replace, Interleave),
    ] = Field(description="drop, duplicate, patch, remove, set, truncate, replace, interleave.")

    @property
    def anchor(self) -> Anchor:
        """Tool calls are interleaved wherever they are, unless told otherwise."""
        if self.at is None and isinstance(self.edit, Interleave):
            return parse_anchor("tool *")
        return super().anchor

    @property
    def together(self) -> bool:
        """Some changes are of all frames at once."""
        return self.edit.together

    def value_why_not(self, anchor: Anchor) -> str | None:
        """A head has no payload."""
        if anchor.point == "head" and not self.edit.of_head:
            return "a head has headers only: set or remove them"
        if anchor.point == "head" and isinstance(self.edit, Set):
            odd = [name for name, value in self.edit.set.items() if not is_header(value)]
            if odd:
                return f"the value of a header is a text, and {' and '.join(odd)} is none"
        if isinstance(self.edit, Interleave) and not anchor.text.startswith("tool"):
            return "only the frames of tool calls take turns; say tool *"
        return None

    def rewrite(
        self, units: tuple[Unit, ...], exchange: Exchange
    ) -> tuple[tuple[Message, ...], ...]:
        """The changed units."""
        return self.edit.rewrite(units, exchange)

    def value(self) -> str:
        """The value's fields."""
        return flow(self.edit.model_dump(exclude_unset=True))
