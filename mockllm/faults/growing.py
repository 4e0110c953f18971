"""The finished timeline of a script that comes bit by bit: all stages that `apply` goes through.

Message by message the faults act, the frames get their bytes, faults at bytes and at times find
their places. The time is the clock's: what has not come takes as long as it takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from mockllm.faults.apply import HEADLESS, PASSED, AnyFault, Pending, Report, added, announcer
from mockllm.faults.fault import Exchange, Fault
from mockllm.faults.live import LiveFaults
from mockllm.faults.often import Occasion
from mockllm.timeline.encoding import AtBytes, Late, Passage, encoded
from mockllm.timeline.events import Message
from mockllm.timeline.slots import Step

PAUSE = Step(None)
"""What says that nothing more has come yet."""


class Fed:
    """A stage over steps that come one by one."""

    def __init__(self, stage: Callable[[Iterable[Step]], Iterable[Step]]) -> None:
        self._came: deque[Step] = deque()
        self._whole = False
        self._out = iter(stage(self._steps()))

    def _steps(self) -> Iterator[Step]:
        while self._came or not self._whole:
            yield self._came.popleft() if self._came else PAUSE

    def feed(self, steps: Iterable[Step], *, last: bool = False) -> Iterator[Step]:
        """What leaves the stage with these steps."""
        self._came.extend(steps)
        self._whole = last
        for step in self._out:
            if step is PAUSE:
                return
            yield step


class Growing:
    """A timeline that grows with its script."""

    def __init__(
        self,
        faults: Sequence[AnyFault],
        occasion: Callable[[int], Occasion],
        exchange: Exchange,
    ) -> None:
        self._faults = LiveFaults(faults, occasion, exchange)
        pending = self._faults.pending
        self._bytes = [one for one in pending if one.anchor.point == "byte"]
        self._missing = {one.index: one.anchor.missing(()) for one in pending}
        self._times: list[Pending] = []
        late: list[Late] = []
        for one in pending:
            of_server = one.anchor.point == "server"
            seconds = one.anchor.seconds - (occasion(one.index).elapsed if of_server else 0.0)
            if seconds < 0:
                self._missing[one.index] = PASSED
            elif one not in self._bytes:
                needs_head = any(verb.needs_head for verb in one.verbs)
                self._times.append(one)
                late.append(Late(seconds, one.steps(exchange), of_server, needs_head))
        self._encoding = Fed(encoded)
        self._cutting = AtBytes([(one.anchor.size, one.steps(exchange)) for one in self._bytes])
        self._passage = Passage((), late)
        self._announcers = [announcer(verb) for one in pending for verb in one.verbs]
        self._whole = False
        self.idle = tuple(
            step for index, verb in self._faults.idle for step in added(index, verb, exchange)
        )
        """What happens on the kept connection after the exchange."""
        self.next_byte = any(verb.anchor.next_byte for _, verb in self._faults.idle)
        """Whether that waits for the first byte of the next request."""

    @property
    def verbs(self) -> tuple[Fault, ...]:
        """The verbs that may act on the answer, not those before or after it."""
        return self._faults.verbs

    @property
    def due(self) -> float:
        """When something happens of which only the time is known, in seconds since the request."""
        return self._passage.due

    def begin(self) -> tuple[Step, ...]:
        """What stands before the script."""
        return self._through(self._faults.begin())

    def feed(self, messages: Iterable[Message], time: float) -> tuple[Step, ...]:
        """What becomes certain with messages that are there at a time since the request."""
        waited = self.wait(time)
        steps = [step for message in messages for step in self._faults.feed(message)]
        return (*waited, *self._through(steps))

    def wait(self, time: float) -> tuple[Step, ...]:
        """What is due while nothing comes."""
        return self._announced(self._passage.elapse(time))

    def end(self) -> tuple[Step, ...]:
        """The rest: the script is whole."""
        self._whole = True
        steps = self._encoding.feed(self._faults.end(), last=True)
        cut = (*self._cutting.feed(steps), *self._cutting.end())
        return self._announced(self._passage.feed(cut))

    def _through(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        """Steps through all stages."""
        cut = self._cutting.feed(self._encoding.feed(steps))
        return self._announced(self._passage.feed(cut))

    def _announced(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """The steps, whose head says what a late fault announces."""
        for change in self._announcers:
            steps = tuple(new for step in steps for new in change(step))
        return steps

    def reports(
        self, acted: frozenset[int], *, over: bool, why: str | None = None
    ) -> tuple[Report, ...]:
        """What became of the faults, or may still become; `over`: nothing more is played, and `why`
        then says of those that should have acted why they did not, where that is another reason than
        their place."""
        missing = dict(self._missing)
        for place in self._passage.headless:
            missing[self._times[place].index] = HEADLESS
        for place in self._passage.placed:
            missing.pop(self._times[place].index, None)
        for place in self._cutting.found:
            missing.pop(self._bytes[place].index, None)
        return self._faults.reports(acted, missing, whole=self._whole, over=over, why=why)
