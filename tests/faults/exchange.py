"""An exchange that answers with what a test can recognise, and how a test applies faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from pydantic import TypeAdapter

from mockllm.faults.apply import AnyFault, Report, apply
from mockllm.faults.close import CloseFault
from mockllm.faults.edit import EditFault
from mockllm.faults.encode import EncodeFault
from mockllm.faults.fault import ErrorSpec
from mockllm.faults.named import NAMED
from mockllm.faults.often import Occasion
from mockllm.faults.reply import ReplyFault
from mockllm.faults.send import SendFault
from mockllm.faults.wait import WaitFault
from mockllm.timeline.events import AUTO, End, Frame, Head, Message
from mockllm.timeline.slots import Step, until_end

VERBS = (WaitFault, ReplyFault, SendFault, EditFault, EncodeFault, CloseFault)
CLASSES: dict[str, type[Any]] = {**{verb.verb: verb for verb in VERBS}, **NAMED}


@dataclass(frozen=True)
class FakeExchange:
    """Answers that say what was asked for."""

    place: str = ""
    frames: int = 0

    def answer(self, name: str) -> tuple[Message, ...]:
        """A reply whose body is the answer's name."""
        return (Head(503, (("server", "answer"),)), Frame(("error",), name.encode()), End())

    def error(self, spec: ErrorSpec) -> tuple[Message, ...]:
        """A reply whose body is the specification."""
        headers = (("Content-Type", "application/json"), ("content-length", AUTO))
        return (Head(spec.status, headers), Frame(("error",), self.spelled(spec)), End())

    def stream_error(self, spec: ErrorSpec, *, done: bool | None) -> tuple[Frame, ...]:
        """A frame that holds the specification, and the usual last frame unless it is unwanted."""
        frame = Frame(("error",), self.spelled(spec))
        return (frame,) if done is False else (frame, Frame(("done",), b"[DONE]"))

    def delta(self, delta: dict[str, Any]) -> Frame:
        """A frame that holds the delta."""
        return Frame(("extra",), f"delta {delta}".encode())

    def fill(self, text: str) -> str:
        """The text with its one placeholder filled in."""
        return text.replace("{{self}}", "http://self")

    def random(self, label: str) -> Random:
        """Draws that are always the same."""
        return Random(self.place + label)

    def within(self, label: str) -> FakeExchange:
        """The same, with other draws."""
        return FakeExchange(f"{self.place}{label} ", self.frames)

    def behind(self, frames: int) -> FakeExchange:
        """The same, at another place."""
        return FakeExchange(self.place, frames)

    @staticmethod
    def spelled(spec: ErrorSpec) -> bytes:
        """The fields that were given."""
        return str(spec.model_dump(exclude_unset=True)).encode()


def fault(**fields: Any) -> AnyFault:
    """A fault from the keys of a profile."""
    word = next(key for key in fields if key in CLASSES)
    made: AnyFault = TypeAdapter(CLASSES[word]).validate_python(fields)
    return made


def applied(
    script: Sequence[Message], *faults: AnyFault, occasion: Occasion | None = None
) -> tuple[tuple[Step, ...], tuple[Report, ...]]:
    """What is played, and the reports."""
    made = apply(script, faults, lambda index: occasion or Occasion(), FakeExchange())
    return until_end(made.sequence), made.reports


def played(script: Sequence[Message], *faults: AnyFault) -> tuple[Message | None, ...]:
    """The events that are played."""
    return tuple(step.event for step in applied(script, *faults)[0])


def reasons(
    script: Sequence[Message], *faults: AnyFault, occasion: Occasion | None = None
) -> list[str | None]:
    """Why each fault does not act; None for those that do."""
    return [report.skipped for report in applied(script, *faults, occasion=occasion)[1]]
