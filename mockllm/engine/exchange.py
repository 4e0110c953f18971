"""What faults may ask of the exchange that they change: the wire and the shapes, for this call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.shapes.shape import render_answer, render_error, render_stream_error
from mockllm.timeline.events import Frame, Message
from mockllm.wires.wire import Setting, Wire

DEFAULT_SHAPE = "openai"
"""The shape of errors on a path that no wire serves."""


@dataclass(frozen=True, slots=True)
class WireExchange:
    """One call on its wire."""

    call: Call
    wire: Wire | None
    setting: Setting

    @property
    def model(self) -> str:
        """The model that messages name."""
        return self.call.model or self.setting.models[0]

    def shape(self, spec: ErrorSpec) -> str:
        """The shape that was asked for, or the wire's own."""
        return spec.shape or (self.wire.shape if self.wire else DEFAULT_SHAPE)

    def answer(self, name: str) -> tuple[Message, ...]:
        """A named answer, whole."""
        return render_answer(name, has_body=bool(self.call.body), identity=self.setting.identity)

    def error(self, spec: ErrorSpec) -> tuple[Message, ...]:
        """An error, whole."""
        return render_error(
            self.shape(spec),
            spec,
            model=self.model,
            has_body=bool(self.call.body),
            identity=self.setting.identity,
        )

    def stream_error(self, spec: ErrorSpec) -> Frame:
        """An error as a frame of the wire's stream."""
        document = render_stream_error(self.shape(spec), spec, model=self.model)
        return self.wire.error_frame(document) if self.wire else Frame(("error",), document)

    def done(self) -> tuple[Frame, ...]:
        """The frame that ends the wire's streams."""
        return self.wire.done() if self.wire else ()

    def delta(self, delta: dict[str, Any]) -> Frame:
        """A frame of the wire's stream with this delta."""
        if self.wire is None:
            return Frame(("extra",), b"")
        return self.wire.delta(self.call, delta, self.setting)
