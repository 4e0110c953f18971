"""What one call gets: the part of a plan that says what is sent, and when."""

from __future__ import annotations

from functools import cached_property

from mockllm.faults.apply import AnyFault, Report
from mockllm.faults.reply import ReplyFault
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Head, WireEvent, Write
from mockllm.timeline.framing import Lowered
from mockllm.timeline.score import Score, score
from mockllm.timeline.slots import Step
from mockllm.timeline.valueclass import valueclass
from mockllm.wires.wire import Effect


@valueclass(frozen=True, slots=True)
class Delivered:
    """What an answer amounts to, as far as it was handed to the kernel."""

    status: int | None
    """None where no head was sent."""
    frames: int
    """Those that were sent whole."""
    tokens: int
    """The pieces of text in them."""
    succeeded: bool
    """Whether a status below 400 was sent, and the whole answer after it."""


@valueclass(frozen=True)
class Answer:
    """What will be sent to one call."""

    refused: str | None
    """Why it is a refusal of the request; None if the request is in order."""
    steps: tuple[Step, ...]
    """What will be played, up to the first end, in the script's own time."""
    reports: tuple[Report, ...]
    """What becomes of each fault of the route."""
    lowered: Lowered
    """What the socket does, in the server's time."""
    faults: tuple[AnyFault, ...] = ()
    """The faults of the route."""
    idle: tuple[WireEvent, ...] = ()
    """What happens on the kept connection after the exchange, in the server's time."""
    idle_faults: frozenset[int] = frozenset()
    """The faults that made it so."""
    next_byte: bool = False
    """Whether that waits for the first byte of the next request."""
    script: Script | None = None
    """What a healthy server would have said; None where the request is refused."""
    effects: tuple[Effect, ...] = ()
    """What the call leaves behind for later ones, if it is carried out."""

    @property
    def outline(self) -> Answer:
        """The same, as far as kinds, places and sizes go; its names may be others."""
        return self

    @property
    def full(self) -> Answer:
        """The answer itself."""
        return self

    @property
    def score(self) -> Score:
        """What the player plays; made anew each time, because nobody else needs it."""
        return score(self.lowered.events)

    @cached_property
    def _head(self) -> Step | None:
        """The step of the response head, if one is sent."""
        return next((step for step in self.steps if isinstance(step.event, Head)), None)

    @property
    def head(self) -> Head | None:
        """The response head, if one is sent."""
        event = self._head.event if self._head else None
        return event if isinstance(event, Head) else None

    @cached_property
    def carried_out(self) -> bool:
        """Whether a real server would have carried the request out, and billed it: it was in order,
        and no other answer stood in the place of its own. What became of the answer does not count."""
        if self.refused is not None or self._head is None:
            return self.refused is None
        verbs = (verb for index in self._head.faults for verb in self.faults[index].verbs)
        return not any(isinstance(verb, ReplyFault) for verb in verbs)

    @cached_property
    def whole(self) -> bool:
        """Whether the answer comes to its own end: no fault that did not begin it has cut it."""
        end = self.steps[-1] if self.steps else None
        if self._head is None or end is None or not isinstance(end.event, End):
            return False
        return set(end.faults) <= set(self._head.faults)

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """All frames."""
        return tuple(step.event for step in self.steps if isinstance(step.event, Frame))

    @cached_property
    def tokens(self) -> int:
        """The pieces of text in them."""
        return sum(frame.tokens for frame in self.frames)

    @cached_property
    def delivered(self) -> Delivered:
        """What it amounts to if all of it is sent; worked out once for all that are stamped from it."""
        status = self.head.status if self.head else None
        return Delivered(status, len(self.frames), self.tokens, self.succeeds(status))

    @cached_property
    def acting(self) -> frozenset[int]:
        """The faults that act if all of it is sent, by their place in the route."""
        return frozenset(fault for step in self.steps for fault in step.faults)

    def succeeds(self, status: int | None) -> bool:
        """Whether a client has what it asked for, once all was sent under this status; None: no head
        was."""
        return status is not None and status < 400 and self.whole

    @cached_property
    def size(self) -> int:
        """The bytes that are sent."""
        return sum(len(e.data) for e in self.lowered.events if isinstance(e, Write))
