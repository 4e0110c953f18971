"""The bounded record of calls: what was planned, what was really sent, how it ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal, Protocol

from mockllm.engine.answer import Answer, Delivered
from mockllm.engine.plan import Plan
from mockllm.engine.received import Received
from mockllm.faults.apply import AnyFault
from mockllm.matchers.redact import redact
from mockllm.timeline.events import Beat, Extra, Frame, Wait, WireEvent, Write
from mockllm.timeline.valueclass import valueclass

Ending = Literal["playing", "done", "closed", "reset", "held", "peer gone"]
Leaving = Literal["fin", "rst"]

NOT_IDLE = "the kept connection is in use again, or still idle"
MAX_CALLS = 1_000
MAX_BYTES = 64 << 20
"""Bytes of requests and answers that are kept; the oldest calls go first."""


@valueclass(frozen=True, slots=True)
class Outcome:
    """How the playing of a plan went. Times are seconds since the request had been read.

    `done`: sent to its end. `closed`, `reset`: ended by a fault as planned. `held`: still waiting
    when the server let go. `peer gone`: the client left first. `playing`: not over yet.
    """

    ending: Ending = "playing"
    begun: int = 0
    """Events of the wire timeline that began."""
    completed: int = 0
    """Events that are over: bytes handed to the kernel, waits waited."""
    bytes_sent: int = 0
    first_byte: float | None = None
    ended: float | None = None
    peer_left: float | None = None
    """When the client closed or reset the connection, if that came before the end."""
    peer: Leaving | None = None
    """How it did: with a FIN or an RST; None where it did not, or had gone before the answer."""
    idle: Ending | None = None
    """How the kept connection ended afterwards, if a fault ended it."""
    beats: tuple[tuple[int, int], ...] = ()
    """How many heartbeats were sent in which event of the wire timeline."""
    late: float = 0.0
    """How late the latest of the paced events came: what the machine adds to the times of the plan."""


def sent(event: WireEvent, completed: bool, beats: int) -> bytes:
    """The bytes of one event that were handed over."""
    match event:
        case Write(data) if completed:
            return data
        case Wait(beat=Beat(unit=Extra(data))):
            return data * beats
        case _:
            return b""


@valueclass(frozen=True)
class Entry(Received):
    """One call in the journal: a snapshot, taken when it was read."""

    number: int
    time: str
    """When the request had been read, in UTC."""
    plan: Plan
    outcome: Outcome
    at: float = 0.0
    """When the request had been read, in seconds since the server's start or last reset."""

    @property
    def attempt(self) -> int:
        """Which attempt of its logical call it is, from 1."""
        return self.plan.call.attempt

    @property
    def logical(self) -> int:
        """The logical call that it belongs to, by the number of its first attempt."""
        return self.plan.visit.first or self.number

    @property
    def ended_at(self) -> float | None:
        """When the exchange was over, on the clock of `at`; None where it is not."""
        return None if self.outcome.ended is None else self.at + self.outcome.ended

    @property
    def peer_left_at(self) -> float | None:
        """When the client left before the end, on the clock of `at`; None where it did not."""
        return None if self.outcome.peer_left is None else self.at + self.outcome.peer_left

    @property
    def whole_text(self) -> str:
        """The text of the whole healthy answer, whatever faults made of it; empty for a refusal."""
        return self.plan.script.text if self.plan.script else ""

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.plan.call.method

    @property
    def path(self) -> str:
        """The path, without the prefix that chose a profile."""
        return self.plan.call.path

    @property
    def model(self) -> str | None:
        """The model that was asked for."""
        return self.plan.call.model

    @property
    def stream(self) -> bool:
        """Whether a stream was asked for."""
        return self.plan.call.stream

    @property
    def json(self) -> dict[str, Any]:
        """The request's JSON body."""
        return dict(self.plan.call.data)

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers in lower case, credentials redacted."""
        return {name.lower(): redact(name, value) for name, value in self.plan.call.headers}

    @property
    def reached(self) -> int:
        """How many steps of the plan began or are behind."""
        outline, begun = self.plan.outline, self.outcome.begun
        origin = outline.lowered.origin
        if self.outcome.ending == "done" or begun >= len(origin) > 0:
            return len(outline.steps)
        return origin[begun - 1] + 1 if begun else 0

    @property
    def sent_frames(self) -> tuple[Frame, ...]:
        """The frames that were sent whole."""
        return self._sent(self.plan.answer.full)

    def _sent(self, answer: Answer) -> tuple[Frame, ...]:
        """The frames of an answer of this form that were sent whole."""
        origin, completed = answer.lowered.origin, self.outcome.completed
        if completed >= len(origin):
            return answer.frames
        steps = answer.steps[: origin[completed]]
        return tuple(step.event for step in steps if isinstance(step.event, Frame))

    @property
    def _acted(self) -> frozenset[int]:
        """The faults that acted, by their place in the route."""
        plan, outcome = self.plan, self.outcome
        outline = plan.answer.outline
        if not outline.faults:
            return plan.before
        if outcome.ending == "done" and not (outcome.idle or plan.before):
            return outline.acting
        return self._of_route

    @cached_property
    def _of_route(self) -> frozenset[int]:
        """The same, where the route has faults and not only those of a whole answer acted."""
        outline = self.plan.outline
        idle = outline.idle_faults if self.outcome.idle else frozenset()
        return idle.union(
            self.plan.before, *(step.faults for step in outline.steps[: self.reached])
        )

    @property
    def acted(self) -> tuple[AnyFault, ...]:
        """The faults that acted, as the profile has them."""
        if not self._acted:
            return ()
        return tuple(fault for index, fault in enumerate(self._faults) if index in self._acted)

    @property
    def missed(self) -> tuple[tuple[AnyFault, str], ...]:
        """The other faults of the route, and why they did not act."""
        texts = self.not_fired
        return tuple(
            (fault, texts.get(self.plan.reports[index].text, ""))
            for index, fault in enumerate(self._faults[: len(self.plan.reports)])
            if index not in self._acted
        )

    @property
    def _faults(self) -> tuple[AnyFault, ...]:
        """The faults of the route."""
        return self.plan.found.route.faults if self.plan.found.route else ()

    @property
    def status(self) -> int | None:
        """The status that was sent; None if no head was."""
        head = self.plan.outline.head
        return head.status if head and self.outcome.bytes_sent else None

    @property
    def delivered(self) -> Delivered:
        """What was handed to the kernel, in numbers."""
        outline, outcome = self.plan.answer.outline, self.outcome
        if outcome.ending == "done" and outcome.bytes_sent:
            return outline.delivered
        frames = self._sent(outline)
        tokens = sum(frame.tokens for frame in frames)
        return Delivered(self.status, len(frames), tokens, succeeded=False)

    @property
    def succeeded(self) -> bool:
        """Whether a status below 400 was sent, and the whole answer after it."""
        return self.delivered.succeeded

    @property
    def frames_sent(self) -> int:
        """The frames that were handed to the kernel whole."""
        return self.delivered.frames

    @property
    def tokens_sent(self) -> int:
        """The pieces of text in those frames."""
        return self.delivered.tokens

    @property
    def bytes_written(self) -> bytes:
        """Everything that was handed to the kernel, head included."""
        beats = dict(self.outcome.beats)
        begun = self.plan.lowered.events[: self.outcome.begun]
        return b"".join(
            sent(event, index < self.outcome.completed, beats.get(index, 0))
            for index, event in enumerate(begun)
        )

    @property
    def fired(self) -> tuple[str, ...]:
        """The faults that acted, as a profile would spell them."""
        if not self._acted:
            return ()
        return tuple(r.text for index, r in enumerate(self.plan.reports) if index in self._acted)

    @property
    def not_fired(self) -> dict[str, str]:
        """The other faults of the route, and why they did not act."""
        if not self.plan.outline.reports:
            return {}
        late = {
            "playing": "not reached yet",
            "peer gone": "the client had left before it",
            "held": "the server let go before it",
        }.get(self.outcome.ending, "the exchange has ended before it")
        return {
            report.text: report.skipped
            or (NOT_IDLE if index in self.plan.outline.idle_faults else late)
            for index, report in enumerate(self.plan.reports)
            if index not in self._acted
        }

    def as_json(self) -> dict[str, Any]:
        """The entry as the admin API shows it."""
        plan, outcome, sent = self.plan, self.outcome, self.delivered
        return {
            "number": self.number,
            "logical": self.logical,
            "attempt": self.attempt,
            "at": self.at,
            "time": self.time,
            "request": {
                "method": self.method,
                "path": self.path,
                "headers": self.headers,
                "wire": plan.call.wire,
                "model": self.model,
                "stream": self.stream,
                "session": plan.call.session,
                "body": plan.call.body.decode("utf-8", "replace"),
            },
            "plan": {
                "profile": plan.profile,
                "route": plan.found.name,
                "ordinal": plan.visit.ordinal,
                "attempt": plan.visit.attempt,
                "refused": plan.refused,
                "misses": {miss.route: list(miss.reasons) for miss in plan.misses},
            },
            "fired": list(self.fired),
            "not_fired": self.not_fired,
            "sent": {
                "status": sent.status,
                "head": self._head_shown,
                "frames": sent.frames,
                "tokens": sent.tokens,
                "bytes": outcome.bytes_sent,
            },
            "outcome": {
                "ending": outcome.ending,
                "first_byte": outcome.first_byte,
                "ended": outcome.ended,
                "peer_left": outcome.peer_left,
                "peer": outcome.peer,
                "idle": outcome.idle,
                "late": outcome.late,
            },
        }

    @property
    def head_text(self) -> str | None:
        """The head that was sent."""
        answer = self.plan.answer
        first = next((e for e in answer.outline.lowered.events if isinstance(e, Write)), None)
        if first is None or self.status is None:
            return None
        # Its bytes come first in the score too, which is filled in sooner than a whole answer.
        data = answer.score.data[: len(first.data)]
        return data.partition(b"\r\n\r\n")[0].decode("latin-1").rstrip("\r\n")

    @property
    def _head_shown(self) -> str | None:
        """The head as it may be shown: an upstream's may hold cookies."""
        head = self.head_text
        if head is None:
            return None
        from mockllm.cassettes.redacting import head_without_secrets  # when somebody looks at it

        return head_without_secrets(head.encode("latin-1")).decode("latin-1")


class Playing(Protocol):
    """Who knows how a call goes that is not over."""

    @property
    def outcome(self) -> Outcome:
        """How it goes so far."""


class Record:
    """The place of one call in the journal: it asks its player until that is over."""

    __slots__ = (
        "_at", "_growing", "_outcome", "_player", "_time", "number", "plan", "size",
    )  # fmt: skip

    def __init__(self, number: int, time: str, plan: Plan, at: float = 0.0) -> None:
        self.number = number
        self.plan = plan
        self.size = size_of(plan)
        """The bytes that it keeps alive, roughly."""
        self._time, self._at = time, at
        self._outcome = UNPLAYED
        self._player: Playing | None = None
        self._growing: Callable[[], Plan] | None = None

    @classmethod
    def unseen(cls, plan: Plan) -> Record:
        """A record that no journal keeps: what it plays is part of another."""
        return cls(0, "", plan)

    @property
    def entry(self) -> Entry:
        """The call as it stands now. It is made each time: keeping a thousand of them, to be thrown away
        when they are cold, takes longer."""
        outcome = self._outcome if self._player is None else self._player.outcome
        plan = self.plan if self._growing is None else self._growing()
        return Entry(self.number, self._time, plan, outcome, self._at)

    def follow(self, player: Playing, plan: Callable[[], Plan] | None = None) -> None:
        """Whom to ask how the call goes, and for its plan, where that grows meanwhile."""
        self._player, self._growing = player, plan

    def update(self, outcome: Outcome) -> Entry:
        """Write down how the call went."""
        if self._growing is not None:
            self.plan, self._growing = self._growing(), None
        self._player, self._outcome = None, outcome
        return Entry(self.number, self._time, self.plan, outcome, self._at)


UNPLAYED = Outcome()


def size_of(plan: Plan) -> int:
    """The bytes that a plan keeps alive, roughly."""
    return len(plan.call.body) + plan.answer.outline.size


class Journal:
    """The last calls, oldest first."""

    def __init__(self, max_calls: int = MAX_CALLS, max_bytes: int = MAX_BYTES) -> None:
        self._max_calls, self._max_bytes = max_calls, max_bytes
        self._entries: deque[Record] = deque()
        self._bytes = 0
        self._number = 0

    def begin(self, plan: Plan, time: str, *, at: float = 0.0) -> Record:
        """Write down a call that has been read, so many seconds after the start or reset."""
        self._number += 1
        record = Record(self._number, time, plan, at)
        self._entries.append(record)
        self._bytes += record.size
        self._forget()
        return record

    def grown(self, record: Record) -> None:
        """Count the bytes of a call anew, whose plan has grown."""
        if any(record is one for one in self._entries):  # else it has been forgotten
            size = size_of(record.plan)
            self._bytes += size - record.size
            record.size = size
            self._forget()

    def _forget(self) -> None:
        """Let go of the oldest calls where there are too many, or too large ones."""
        while len(self._entries) > self._max_calls or (
            self._bytes > self._max_bytes and len(self._entries) > 1
        ):
            self._bytes -= self._entries.popleft().size

    def entries(self) -> tuple[Entry, ...]:
        """The calls as they stand now."""
        return tuple(record.entry for record in self._entries)

    @property
    def forgotten(self) -> int:
        """How many calls are no longer kept."""
        return self._number - len(self._entries)

    def drop(self, unwanted: Callable[[Entry], bool]) -> None:
        """Forget some calls; the numbers of the others stay."""
        kept = [record for record in self._entries if not unwanted(record.entry)]
        self._entries = deque(kept)
        self._bytes = sum(record.size for record in kept)

    def clear(self) -> None:
        """Forget all calls, and count from 1 again."""
        self._entries.clear()
        self._bytes = 0
        self._number = 0


MAX_LINES = 50
"""Calls that `brief` shows."""


def brief(entries: Sequence[Entry]) -> str:
    """The last calls in one line each, for messages."""
    shown = entries[-MAX_LINES:]
    more = [f"  ({len(entries) - len(shown)} before)"] if len(shown) < len(entries) else []
    return "\n".join([*more, *(line(entry) for entry in shown)])


def line(entry: Entry) -> str:
    """A call in one line: what came, what went out, how it ended, and what became of its faults."""
    plan, skipped = entry.plan, entry.not_fired
    misses = () if plan.refused else plan.misses
    notes = [
        f"refused: {plan.refused}" if plan.refused else "",
        f"fired: {', '.join(entry.fired)}" if entry.fired else "",
        *(f"did not fire: {fault} ({why})" for fault, why in skipped.items()),
        *(f"not route {miss.route}: {', '.join(miss.reasons)}" for miss in misses),
    ]
    status = entry.status or "no head"
    head = f"  #{entry.number} {entry.method} {entry.path} -> {status}, {entry.outcome.ending}"
    return "; ".join([head, *(note for note in notes if note)])
