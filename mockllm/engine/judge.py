"""`expect` against what happened: what the caller saw, and what the journal has.

Every statement is held, broken, or not judged: what cannot be observed never passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, Literal

from mockllm.engine.journal import Entry
from mockllm.faults.values import format_seconds
from mockllm.profile.expect import (
    Burst,
    Expect,
    ExpectClient,
    ExpectPart,
    ExpectServer,
    Limits,
    Return,
    said_value,
)
from mockllm.timeline.describe import describe

Verdict = Literal["held", "broken", "not judged"]
ErrorKind = Literal["typed", "timeout", "other"]

OF_ANSWER = ("text", "tool_calls", "finish")
"""Statements of an answer: beside one of them an error is only the other way out."""
OF_LEAVING = ("server.closed_within", "server.accepted_bytes")
"""Statements about a client whose caller leaves, where the profile has such a caller."""
CURRENT = 0.0005
"""Seconds by which a time that was measured may miss a limit: half of what is printed."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The error that a caller got."""

    kind: ErrorKind | None
    """`typed`: one of the client's own kinds; `timeout`: its own kind for time limits; None where
    nobody told."""
    name: str
    message: str
    status: int | None = None
    code: int | str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the caller of a client saw of one call; None where nobody told."""

    text: str | None = None
    """The text of an answer that it took for whole."""
    error: Failed | None = None
    tool_calls: tuple[tuple[str, Any], ...] | None = None
    """The tool calls that it got: name and arguments as JSON text."""
    finish: str | None = None
    usage: int | None = None
    """The completion tokens that it was told."""
    seconds: float | None = None
    """How long the call took."""
    records: int | None = None
    """How many records of it were written."""
    alive: bool | None = None
    """Whether the next, healthy call through the same client succeeded."""
    model: str | None = None
    """The model that the answer names."""
    left: bool = False
    """Whether it left before the end, because its caller is one that leaves."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One statement of `expect`, and what became of it."""

    statement: str
    verdict: Verdict
    evidence: str
    advice: bool = False
    """Whether nothing is wrong where it does not hold."""

    @property
    def wrong(self) -> bool:
        """Whether it shows harm: it does not hold, and is no mere advice."""
        return self.verdict == "broken" and not self.advice

    def __str__(self) -> str:
        return f"{self.verdict}: {self.statement} ({self.evidence})"


Finding = tuple[Verdict, str]


def judge(
    expect: Expect,
    seen: Seen | None,
    attempts: Sequence[Entry],
    *,
    fallback: Sequence[Entry] | None = None,
) -> tuple[Judgement, ...]:
    """Every statement of `expect`; `attempts` are the requests of the one logical call.

    `fallback` are those of them that asked for another model, of a system that falls back to one;
    None where it has none. What the journal shows is then said of the others alone.
    """
    elsewhere = {id(entry) for entry in fallback or ()}
    own = [entry for entry in attempts if id(entry) not in elsewhere]

    def part(path: str, one: ExpectPart, *, advice: bool = False) -> Iterator[Judgement]:
        for made in both_sides(one, seen, attempts, own):
            if leaves and not left and made.statement.startswith(OF_LEAVING):
                why = "its caller has to leave the stream: set `.left` of the outcome"
                made = Judgement(made.statement, "not judged", why)
            yield replace(made, statement=f"{path}{made.statement}", advice=advice)

    leaves = expect.caller is not None and expect.caller.leaves_after is not None
    left = seen is not None and seen.left
    found = [*part("", expect)]
    if expect.advice is not None:
        found += part("advice.", expect.advice, advice=True)
    if expect.fallback is not None and fallback is not None:
        found += part("fallback.", expect.fallback)
        if expect.fallback.advice is not None:
            found += part("fallback.advice.", expect.fallback.advice, advice=True)
    if expect.after is not None:
        alive = seen.alive if seen else None
        found.append(Judgement("after: alive", *told(alive, "a later call", "alive", bool)))
    if expect.policy is not None and expect.policy.terminal is not None:
        text = f"policy.terminal: {expect.policy.terminal}"
        found.append(Judgement(text, "not judged", "a custom that the client chooses"))
    for key in expect.probes:
        found.append(Judgement(f"probes.{key}", "not judged", "needs a judge that knows it"))
    return tuple(found)


def both_sides(
    part: ExpectPart, seen: Seen | None, attempts: Sequence[Entry], own: Sequence[Entry]
) -> Iterator[Judgement]:
    """The statements about the client, and those about the server's view of `own`."""
    if part.client is not None:
        yield from judge_client(part.client, seen, attempts)
    if part.server is not None:
        yield from judge_server(part.server, own, left=seen is not None and seen.left)


def told(value: Any, what: str, name: str, holds: Callable[[Any], bool]) -> Finding:
    """A statement about something that the caller has to tell."""
    if value is None:
        return "not judged", f"nobody told: set `.{name}` of the outcome"
    return ("held" if holds(value) else "broken"), f"{what}: {value!r}"


# What the caller saw


def judge_client(
    expect: ExpectClient, seen: Seen | None, attempts: Sequence[Entry]
) -> Iterator[Judgement]:
    """The statements about the client."""
    given = expect.model_fields_set
    for name in (name for name in ExpectClient.model_fields if name in given):
        statement = next(said_value(f"client.{name}", getattr(expect, name)), name)
        if seen is None:
            yield Judgement(statement, "not judged", "nobody told what the caller saw")
        else:
            yield Judgement(statement, *CLIENT[name](expect, seen, attempts))


def whole_text(attempts: Sequence[Entry]) -> str:
    """What a whole answer would have been."""
    return attempts[-1].whole_text if attempts else ""


def judge_text(expect: ExpectClient, seen: Seen, attempts: Sequence[Entry]) -> Finding:
    """The text that the caller took for whole."""
    if seen.error is not None:
        if expect.error is not None:
            return "held", f"the call ended with {seen.error.name} instead, which is in order"
        return "broken", f"the call ended with {described(seen.error)}"
    if seen.text is None:
        return "not judged", "nobody told the text: set `.text` of the outcome"
    whole = whole_text(attempts)
    if not whole and expect.text != "empty":
        return "not judged", "no call came whose whole text is known"
    got = f"{len(seen.text)} of {len(whole)} characters"
    match expect.text:
        case "whole":
            return ("held" if seen.text == whole else "broken"), difference(seen.text, whole)
        case "prefix":
            proper = whole.startswith(seen.text) and seen.text != whole
            return ("held" if proper else "broken"), got
        case _:
            return ("held" if not seen.text else "broken"), got


def difference(text: str, whole: str) -> str:
    """How a text differs from the whole one."""
    if text == whole:
        return f"all {len(whole)} characters"
    same = next((i for i, (a, b) in enumerate(zip(text, whole, strict=False)) if a != b), None)
    if same is None:
        return f"{len(text)} of {len(whole)} characters, and then nothing or more"
    return f"differs at character {same + 1}: {text[same : same + 20]!r}, not {whole[same : same + 20]!r}"


def described(error: Failed) -> str:
    """An error in a few words."""
    return f"{error.name}: {error.message[:120]}" if error.message else error.name


def judge_error(expect: ExpectClient, seen: Seen, attempts: Sequence[Entry]) -> Finding:
    """The error that the caller got."""
    error = seen.error
    if error is None:
        return no_error(expect)
    if expect.error == "any" or error.kind == expect.error:
        return "held", described(error)
    if error.kind is None:
        return "not judged", f"nobody told of what kind {described(error)} is"
    if expect.error == "typed" and error.kind == "timeout":
        return "held", f"{described(error)} (its own kind for time limits)"
    return "broken", f"{described(error)} is {KINDS[error.kind]}"


KINDS = {
    "typed": "one of the client's own kinds, but none for time limits",
    "timeout": "the client's kind for time limits",
    "other": "none of the client's own kinds",
}


def no_error(expect: ExpectClient) -> Finding:
    """A call that ended without the error of which something is said."""
    if any(getattr(expect, name) is not None for name in OF_ANSWER):
        return "held", "the call ended with an answer instead, which is in order"
    return "broken", "the call ended without an error"


def of_error(name: str) -> Callable[[ExpectClient, Seen, Sequence[Entry]], Finding]:
    """How a detail of the error is judged."""

    def judge_detail(expect: ExpectClient, seen: Seen, attempts: Sequence[Entry]) -> Finding:
        if seen.error is None:
            return no_error(expect)
        value = getattr(seen.error, name)
        wanted = getattr(expect, name)
        # 500 and "500" differ.
        same = any(value == one and type(value) is type(one) for one in wanted)
        return ("held" if same else "broken"), f"the error's {name} is {value!r}"

    return judge_detail


def judge_contains(expect: ExpectClient, seen: Seen, attempts: Sequence[Entry]) -> Finding:
    """A text in the error's message."""
    if seen.error is None:
        return of_error("message")(expect, seen, attempts)
    held = any(text in seen.error.message for text in expect.contains or ())
    return ("held" if held else "broken"), f"the message is {seen.error.message!r}"


def judge_status_not(expect: ExpectClient, seen: Seen, attempts: Sequence[Entry]) -> Finding:
    """The status that an error must not have."""
    if seen.error is None:
        return "held", "the call ended without an error"
    status = seen.error.status
    return ("broken" if status in (expect.status_not or ()) else "held"), f"the status is {status}"


def judge_tools(expect: ExpectClient, seen: Seen, attempts: Sequence[Entry]) -> Finding:
    """The tool calls that the caller got."""
    if seen.tool_calls is None and seen.error is not None:
        held = expect.tool_calls == "none" or expect.error is not None
        return ("held" if held else "broken"), f"the call ended with {seen.error.name}"
    if seen.tool_calls is None:
        return "not judged", "nobody told the tool calls: set `.tool_calls` of the outcome"
    wanted: list[tuple[str, Any]] = []
    if expect.tool_calls == "whole":
        script = attempts[-1].plan.script if attempts else None
        if script is None:
            return "not judged", "no call came whose tool calls are known"
        wanted = [(tool.name, "".join(tool.arguments)) for tool in script.tools]
    return ("held" if list(seen.tool_calls) == wanted else "broken"), f"got {seen.tool_calls!r}"


def judge_usage(expect: ExpectClient, seen: Seen, attempts: Sequence[Entry]) -> Finding:
    """The completion tokens."""
    wanted = expect.usage
    if wanted == "whole":
        script = attempts[-1].plan.script if attempts else None
        if script is None:
            return "not judged", "no call came whose tokens are known"
        wanted = script.tokens
    return told(seen.usage, f"{wanted} tokens expected; told", "usage", lambda got: got == wanted)


def judge_partial(expect: ExpectClient, seen: Seen, attempts: Sequence[Entry]) -> Finding:
    """A part of the text must not pass for the whole."""
    if not expect.no_partial_success:
        return "held", "allowed"
    if seen.error is not None:
        return "held", f"the call ended with {seen.error.name}"
    if seen.text is None:
        return "not judged", "nobody told the text: set `.text` of the outcome"
    whole = whole_text(attempts)
    if not whole:
        return "not judged", "no call came whose whole text is known"
    return ("held" if seen.text == whole else "broken"), difference(seen.text, whole)


CLIENT: dict[str, Callable[[ExpectClient, Seen, Sequence[Entry]], Finding]] = {
    "text": judge_text,
    "error": judge_error,
    "status": of_error("status"),
    "code": of_error("code"),
    "contains": judge_contains,
    "status_not": judge_status_not,
    "tool_calls": judge_tools,
    "finish": lambda expect, seen, _: told(
        seen.finish, "told", "finish", lambda got: got == expect.finish
    ),
    "model": lambda expect, seen, _: told(
        seen.model, "named", "model", lambda got: fnmatchcase(got, expect.model or "")
    ),
    "usage": judge_usage,
    "within": lambda expect, seen, _: told(
        seen.seconds, "took", "seconds", lambda got: got <= (expect.within or 0) + CURRENT
    ),
    "no_partial_success": judge_partial,
    "records": lambda expect, seen, _: told(
        seen.records, "written", "records", lambda got: got == expect.records
    ),
}


# What the journal has


def judge_server(
    expect: ExpectServer, attempts: Sequence[Entry], *, left: bool = False
) -> Iterator[Judgement]:
    """The statements about the server's view; `left`: the client was made to leave."""
    given = expect.model_fields_set
    for name in (name for name in ExpectServer.model_fields if name in given):
        value = getattr(expect, name)
        statement = next(said_value(f"server.{name}", value), name)
        if not attempts and name != "attempts":
            yield Judgement(statement, "not judged", "no call came")
        elif name == "closed_within" and left and attempts[-1].outcome.peer_left is None:
            yield Judgement(statement, "broken", "its caller left, and it read on to the end")
        else:
            yield Judgement(statement, *SERVER[name](value, attempts))


def in_limits(limits: Limits, value: float, text: str) -> Finding:
    """Whether a number is in its range."""
    return ("held" if limits.holds(value) else "broken"), text


def judge_gap(limits: Limits, attempts: Sequence[Entry]) -> Finding:
    """The silence between the end of an attempt and the next."""
    gaps = [round(gap, 3) for gap in gaps_of(attempts)]
    if not gaps:
        return "not judged", "there was one attempt"
    held = all(limits.holds(gap) for gap in gaps)
    return ("held" if held else "broken"), ", ".join(map(format_seconds, gaps))


def judge_first_gap(limits: Limits, attempts: Sequence[Entry]) -> Finding:
    """The silence between the first attempt and the second."""
    if len(attempts) < 2:
        return "broken", "there was one attempt"
    return judge_gap(limits, attempts[:2])


def judge_burst(burst: Burst, attempts: Sequence[Entry]) -> Finding:
    """The requests of the beginning."""
    count = sum(entry.at - attempts[0].at <= burst.within for entry in attempts)
    return ("held" if count <= burst.max else "broken"), f"{count} came"


def judge_repeats(limits: Limits, attempts: Sequence[Entry]) -> Finding:
    """The requests that came again and were not smaller."""
    sizes = [len(entry.plan.call.body) for entry in attempts]
    count = sum(later >= earlier for earlier, later in pairwise(sizes))
    return in_limits(limits, count, f"bytes of the requests: {', '.join(map(str, sizes))}")


def judge_returns(wanted: Return, attempts: Sequence[Entry]) -> Finding:
    """Whether a client that has turned away asks again in time."""
    since = (entry.at - attempts[0].at - wanted.after for entry in attempts)
    after = next((seconds for seconds in since if seconds >= 0), None)
    if after is None:
        return "broken", "it never asked again"
    text = f"it asked again {format_seconds(round(after, 3))} after the server was well"
    return ("held" if after <= wanted.within + CURRENT else "broken"), text


def gaps_of(attempts: Sequence[Entry]) -> list[float]:
    """Seconds from the end of each attempt to the begin of the next; 0 where they overlap."""
    return [
        max(0.0, later.at - (earlier.ended_at if earlier.ended_at is not None else earlier.at))
        for earlier, later in pairwise(attempts)
    ]


def judge_executions(limits: Limits, attempts: Sequence[Entry]) -> Finding:
    """The requests that a real server would have carried out."""
    count = sum(entry.plan.carried_out for entry in attempts)
    return in_limits(limits, count, f"{count} of {len(attempts)} requests were carried out")


def judge_closed(limit: float, attempts: Sequence[Entry]) -> Finding:
    """How soon after its fault the client closed the connection."""
    entry = attempts[-1]
    reached = entry.plan.steps[: entry.reached]
    began = next((line.time for line in describe(reached, entry.plan.speed) if line.faults), None)
    if began is None:
        return "not judged", f"no fault acted on call #{entry.number}"
    if entry.outcome.peer_left is None:
        if entry.outcome.ending == "playing":
            return "broken", f"call #{entry.number} is still open"
        return "not judged", f"call #{entry.number} was ended by the server"
    after = max(0.0, entry.outcome.peer_left - began)
    text = f"closed {format_seconds(round(after, 3))} after the fault"
    return ("held" if after <= limit + CURRENT else "broken"), text


def judge_bytes(limits: Limits, attempts: Sequence[Entry]) -> Finding:
    """How much of the answer went out to the client."""
    size = attempts[-1].outcome.bytes_sent
    return in_limits(limits, size, f"{size} bytes were handed over to the last attempt")


def judge_headers(names: Sequence[str], attempts: Sequence[Entry]) -> Finding:
    """Headers that no attempt may carry."""
    carried = [
        f"#{entry.number} carries {name}"
        for entry in attempts
        for name in names
        if entry.plan.call.header(name) is not None
    ]
    return ("broken" if carried else "held"), ", ".join(carried) or "none carries one"


SERVER: dict[str, Callable[[Any, Sequence[Entry]], Finding]] = {
    "attempts": lambda limits, attempts: in_limits(limits, len(attempts), f"{len(attempts)} came"),
    "gap": judge_gap,
    "first_gap": judge_first_gap,
    "burst": judge_burst,
    "repeats": judge_repeats,
    "returns": judge_returns,
    "executions": judge_executions,
    "closed_within": judge_closed,
    "accepted_bytes": judge_bytes,
    "headers_absent": judge_headers,
}
