"""`edit`: a frame with other content."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field, StrictInt, Tag

from mockllm.faults.fault import Editing
from mockllm.faults.values import Flag, Strict, Text, chooser, flow
from mockllm.timeline.events import Frame, Message


class Change(Strict, ABC):
    """One way to change a frame."""

    @abstractmethod
    def apply(self, frame: Frame, /) -> tuple[Message, ...]:
        """What stands in the frame's place."""


class Drop(Change):
    """The frame is left out."""

    drop: Flag

    def apply(self, frame: Frame) -> tuple[Message, ...]:
        """Nothing."""
        return ()


class Duplicate(Change):
    """The frame is sent several times."""

    duplicate: StrictInt = Field(ge=2, description="How many times in all.")

    def apply(self, frame: Frame) -> tuple[Message, ...]:
        """The same frame, again."""
        return (frame,) * self.duplicate


class Patch(Change):
    """The frame's JSON is merged with a document: mappings by key, lists by index."""

    patch: dict[str, Any] = Field(description="The document; null is a value.")

    def apply(self, frame: Frame) -> tuple[Message, ...]:
        """The merged JSON; a frame that is not JSON (`[DONE]`) stays as it is."""
        try:
            document = json.loads(frame.data)
        except ValueError:
            return (frame,)
        merged = merge(document, self.patch)
        text = json.dumps(merged, ensure_ascii=False, separators=(",", ":"))
        return (replace(frame, data=text.encode()),)


class Truncate(Change):
    """The frame's payload is cut, so that its JSON is broken."""

    truncate: StrictInt = Field(description="Keep N bytes; a negative number cuts N bytes off.")

    def apply(self, frame: Frame) -> tuple[Message, ...]:
        """The first bytes of the payload."""
        return (replace(frame, data=frame.data[: self.truncate]),)


class Replace(Change):
    """The frame's payload is another text."""

    replace: Text = Field(description="The payload, without `data: `.")

    def apply(self, frame: Frame) -> tuple[Message, ...]:
        """The other payload."""
        return (replace(frame, data=self.replace.encode()),)


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
    """A frame with other content, properly framed.

    On the wire: the frame's payload is changed, dropped or repeated before the body is framed, so
    chunk sizes and Content-Length match what is sent.
    """

    verb: ClassVar = "edit"

    edit: Annotated[
        Annotated[Drop, Tag("<drop>")]
        | Annotated[Duplicate, Tag("<duplicate>")]
        | Annotated[Patch, Tag("<patch>")]
        | Annotated[Truncate, Tag("<truncate>")]
        | Annotated[Replace, Tag("<replace>")],
        *chooser("a change", Drop, Duplicate, Patch, Truncate, Replace),
    ] = Field(description="drop, duplicate, patch, truncate or replace.")

    def rewrite(self, frame: Frame) -> tuple[Message, ...]:
        """The changed frame."""
        return self.edit.apply(frame)

    def value(self) -> str:
        """The value's fields."""
        given = self.edit.model_dump(exclude_unset=True)
        return flow(given)
