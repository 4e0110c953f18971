"""What a client does while an answer arrives, and with an answer that broke off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from mockllm.engine.counters import said_attempt
from mockllm.engine.findings.case import KEY, Case
from mockllm.engine.findings.finding import Check, Finding, NotJudged, among, span
from mockllm.engine.journal import Entry
from mockllm.scripts.script import Script, Text
from mockllm.timeline.events import Close, Wait


class Silence(NamedTuple):
    """A time in which the server sent nothing."""

    sat: float
    """So long the client listened."""
    start: float
    """When it began, in seconds after the request."""
    planned: float
    """How long it would have lasted."""
    entry: Entry


def silences(entry: Entry) -> Iterator[Silence]:
    """The waits of an exchange as far as they went; heartbeats divide them.

    The plan says when a wait begins; it may begin a little later, which is what `SLACK` is for.
    """
    outcome, clock = entry.outcome, 0.0
    for index, event in enumerate(entry.plan.lowered.events[: outcome.begun]):
        if not isinstance(event, Wait):
            continue
        planned = event.beat.every if event.beat is not None else event.seconds
        if index < outcome.completed:
            yield Silence(min(planned, event.seconds), clock, planned, entry)
        elif outcome.ended is not None:
            until = outcome.ended if outcome.peer_left is None else outcome.peer_left
            yield Silence(max(0.0, min(planned, until - clock)), clock, planned, entry)
        clock += event.seconds


class NoReadTimeout(Check):
    """A client listens to silence for longer than `limits.read_timeout`.

    Silence is a wait in which no byte is sent, before the head as well as between two frames;
    heartbeats end it.
    """

    name = "no-read-timeout"
    why = "a server that has stopped answering holds the user, and a connection, for ever"
    remedy = "set a read timeout for each chunk, not only one for the whole request"
    resembles = "anthropics/anthropic-sdk-typescript#867"

    SLACK = 0.1
    SHARE = 0.05

    def judge(self, case: Case) -> Iterator[Finding]:
        """Compare each silence with the limit."""
        limit = case.limits.read_timeout
        if limit is None:
            raise NotJudged("no limit is given (read_timeout)")
        all_silent = [one for entry in case.entries for one in silences(entry)]
        most = limit * (1 + self.SHARE) + self.SLACK
        long = [one for one in all_silent if one.planned > most]
        if not long:
            longest = max((one.planned for one in all_silent), default=0.0)
            raise NotJudged(
                f"no silence was longer than the limit of {span(limit)}; the longest was "
                f"{span(longest)}"
            )
        sat = [one for one in long if one.sat > most]
        if sat:
            worst = max(sat)
            yield self.finding(
                (one.entry for one in sat),
                f"#{worst.entry.number} listened to {span(worst.sat)} of silence, from "
                f"{worst.start:.3f} s after the request on; the limit is {span(limit)}"
                + among(len(sat), len(long), "such silences"),
            )


class PartialAnswerAccepted(Check):
    """A text that broke off comes back as the assistant's, with more of the conversation behind it.

    Nothing else shows here what a client made of an answer. A message that is the last of its
    request asks to be continued, which is right; answers that the client itself ended are not
    judged.
    """

    name = "partial-answer-accepted"
    why = "the user, or the next step of an agent, takes half an answer for a whole one"
    remedy = "treat a stream without its finish reason or end mark as an error"
    resembles = "vercel/ai#19165"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Look for texts that broke off in later requests."""
        broken = [(entry, text) for entry in case.entries if (text := broken_text(entry))]
        if not broken:
            raise NotJudged("no text broke off")
        said: dict[str, list[Entry]] = {}
        for later in case.entries:
            for one in assistant_texts(later.plan.call.data):
                said.setdefault(one.strip(), []).append(later)
        judged = False
        for entry, text in broken:
            judged = judged or first_after(entry, said.get(entry.whole_text.strip())) is not None
            accepted = first_after(entry, said.get(text))
            if accepted is not None:
                judged = True
                yield self.finding(
                    (entry, accepted),
                    f"the text of #{entry.number} broke off after {len(text)} of "
                    f"{len(entry.whole_text)} characters, and #{accepted.number} sends it as the "
                    "assistant's message",
                )
        if not judged:
            raise NotJudged("no later request shows what became of the text that broke off")


def first_after(entry: Entry, others: list[Entry] | None) -> Entry | None:
    """The first of some calls that came when an exchange was over."""
    over = entry.ended_at or 0.0
    return next((one for one in others or () if one.number > entry.number and one.at >= over), None)


def broken_text(entry: Entry) -> str:
    """The text that was sent where a fault ended a stream before its end; else an empty one."""
    script = entry.plan.script
    if script is None or entry.status != 200 or not entry.stream or entry.succeeded:
        return ""
    several = script.choices not in (None, 1) or entry.plan.call.data.get("n") not in (None, 1)
    if several or entry.outcome.ending not in ("done", "closed", "reset"):
        return ""
    pieces = content(script)
    sent = sum(frame.tokens for frame in entry.sent_frames if "content" in frame.kinds)
    text = "".join(pieces[:sent]).strip()
    return "" if text == entry.whole_text.strip() else text


def content(script: Script) -> tuple[str, ...]:
    """The pieces of an answer's text."""
    texts = (part for part in script.parts if isinstance(part, Text) and part.kind == "content")
    return tuple(chain.from_iterable(part.pieces for part in texts))


def assistant_texts(data: Any) -> Iterator[str]:
    """The texts of assistant's messages that others follow, wherever a request has them."""
    if isinstance(data, Mapping):
        for value in data.values():
            yield from assistant_texts(value)
    elif isinstance(data, list):
        for message in data[:-1]:
            if isinstance(message, Mapping) and message.get("role") == "assistant":
                yield text_of(message.get("content"))
        for item in data:
            yield from assistant_texts(item)


def text_of(value: Any) -> str:
    """The text of a message: itself, or that of its parts."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))


class Left(NamedTuple):
    """A connection that a client ought to have closed."""

    since: float
    """When, on the clock of the journal."""
    entry: Entry
    why: str
    more: tuple[Entry, ...] = ()


class ConnectionLeaked(Check):
    """A connection stays open for more than `limits.leave` after the client has given it up (it
    says of a later request that it is the next attempt, by `x-stainless-retry-count` or the same
    `Idempotency-Key`), or after the server has closed its side.

    What a client does with a connection that is closed on both sides cannot be seen here.
    """

    name = "connection-leaked"
    severity = "warn"
    why = "each such answer costs a connection and a slot of the server until one of them runs out"
    remedy = "close the response on every way out of reading it"
    resembles = "mistralai/client-python#532"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Look at connections that were given up, or ended on one side."""
        given_up = [*retried(case), *half_closed(case)]
        leaked, seen = [], False
        for one in given_up:
            ended = one.entry.ended_at
            lasted = (case.latest if ended is None else ended) - one.since
            seen = seen or ended is not None
            if lasted > case.limits.leave:
                leaked.append((lasted, one))
        if leaked:
            lasted, one = max(leaked, key=lambda pair: pair[0])
            yield self.finding(
                (entry for _, each in leaked for entry in (each.entry, *each.more)),
                f"the connection of #{one.entry.number} stayed open for {span(lasted)} after "
                f"{one.why}" + among(len(leaked), len(given_up), "such connections"),
            )
        elif not seen:
            raise NotJudged("no connection was seen that its client ought to have closed")


def retried(case: Case) -> Iterator[Left]:
    """Attempts without a whole answer after which the client says that it tries again."""
    for group in case.alike.values():
        for index, later in enumerate(group):
            call = later.plan.call
            said, key = said_attempt(call), call.header(KEY)
            if (said or 1) < 2 and key is None:
                continue
            for entry in group[:index]:
                other = entry.plan.call
                same = key is not None and other.header(KEY) == key
                next_one = said is not None and (said_attempt(other) or 1) == said - 1
                moved = entry.plan.visit.connection != later.plan.visit.connection
                if (same or next_one) and moved and not entry.succeeded:
                    yield Left(later.at, entry, f"#{later.number} tried again", (later,))


def half_closed(case: Case) -> Iterator[Left]:
    """Exchanges that the server ended on its own side alone."""
    for entry in case.entries:
        clock = 0.0
        for event in entry.plan.lowered.events[: entry.outcome.completed]:
            if isinstance(event, Wait):
                clock += event.seconds
            elif event == Close("half"):
                yield Left(entry.at + clock, entry, "the server had closed its side")
