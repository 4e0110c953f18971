"""What faults may ask of the exchange that they change: the wire and the shapes, for this call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from email.utils import formatdate
from functools import lru_cache
from random import Random
from typing import Any

from mockllm.engine import dice
from mockllm.faults.fault import ErrorSpec
from mockllm.faults.values import parse_duration
from mockllm.matchers.call import Call
from mockllm.shapes.answer import render_answer
from mockllm.shapes.shape import render_error, render_stream_error, shapes
from mockllm.timeline.encoding import dress
from mockllm.timeline.events import Extra, Frame, Message
from mockllm.timeline.valueclass import replace, valueclass
from mockllm.wires.wire import Setting, Wire

PLACEHOLDER = re.compile(r"\{\{\s*(now|self|listener)(?:\s*\+\s*(\S+?)|\s+([\w-]+))?\s*\}\}")


@valueclass(frozen=True, slots=True)
class Here:
    """When and where an exchange takes place, as far as answers tell."""

    now: float = 0.0
    """Unix time in seconds."""
    url: str = "http://127.0.0.1"
    """Where the client found the server."""
    listeners: Mapping[str, str] = field(default_factory=dict)
    """The URLs of the further ports, by name."""

    @property
    def date(self) -> str:
        """Now, as a date header says it."""
        return date_of(int(self.now))

    def fill(self, text: str) -> str:
        """The text with `{{now+2s}}`, `{{self}}` and `{{listener NAME}}` filled in."""
        return PLACEHOLDER.sub(self._fill, text) if "{{" in text else text

    def _fill(self, found: re.Match[str]) -> str:
        match found.groups():
            case "now", span, None:
                later = self.now + (parse_duration(span) if span else 0.0)
                return formatdate(later, usegmt=True)
            case "self", None, None:
                return self.url
            case "listener", None, str(name) if name in self.listeners:
                return self.listeners[name]
            case _:
                return found[0]


@lru_cache(maxsize=2)  # it is the same for all calls of a second
def date_of(second: int) -> str:
    """A Unix time, as a date header says it."""
    return formatdate(second, usegmt=True)


@valueclass(frozen=True, slots=True)
class WireExchange:
    """One call on its wire."""

    call: Call
    wire: Wire | None
    setting: Setting
    here: Here
    who: tuple[object, ...]
    """What identifies the call, for draws."""

    @property
    def model(self) -> str:
        """The model that messages name."""
        return self.call.model or self.setting.models[0]

    def shape(self, spec: ErrorSpec) -> str:
        """The shape that was asked for, or the wire's own."""
        if spec.shape is not None:
            return spec.shape
        return self.wire.shape(self.call, self.setting) if self.wire else self.setting.dialect.shape

    def answer(self, name: str) -> tuple[Message, ...]:
        """A named answer, whole."""
        return render_answer(
            name,
            has_body=bool(self.call.body),
            identity=self.setting.identity,
            closing=not self.call.keep_alive,
        )

    def error(self, spec: ErrorSpec) -> tuple[Message, ...]:
        """An error, whole."""
        return render_error(
            self.shape(spec),
            spec,
            model=self.model,
            has_body=bool(self.call.body),
            identity=self.setting.identity,
            closing=not self.call.keep_alive,
        )

    def stream_error(self, spec: ErrorSpec, *, done: bool | None) -> tuple[Frame | Extra, ...]:
        """An error as a frame of the wire's stream; with `done` also what ends the stream then,
        with None if the shape's server sends it."""
        name = self.shape(spec)
        document = render_stream_error(name, spec, model=self.model, identity=self.setting.identity)
        if self.wire is None:
            return (Frame(("error",), document),)
        frame = self.wire.error_frame(self.call, document, self.setting)
        inside = shapes()[name].in_stream
        if done is None:
            done = inside is None or inside.done
        tail = self.wire.failed(self.call, document, self.setting) if done else ()
        if inside is not None and inside.bare and self.call.stream:
            return (Extra(dress(frame, stream=True).rstrip(b"\n")), *tail)
        return (frame, *tail)

    def delta(self, delta: dict[str, Any]) -> Frame:
        """A frame of the wire's stream with this delta."""
        if self.wire is None:
            return Frame(("extra",), b"")
        return self.wire.delta(self.call, delta, self.setting)

    def fill(self, text: str) -> str:
        """The text with the placeholders of the language filled in."""
        return self.here.fill(text)

    def random(self, label: str) -> Random:
        """A generator of this call's own."""
        return dice.random(*self.who, label)

    def within(self, label: str) -> WireExchange:
        """The same exchange, with draws of its own."""
        return replace(self, who=(*self.who, label))

    def behind(self, frames: int) -> WireExchange:
        """The same exchange, behind so many frames of the answer."""
        return replace(self, setting=replace(self.setting, sent=frames))
