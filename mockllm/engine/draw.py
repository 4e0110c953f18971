"""Calls drawn for people: what was sent and when it was planned, and how it really ended.

A call takes at most six lines: its title, up to four of its timeline, and the faults that did not
act. Times are seconds since its request had been read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from mockllm.engine.journal import Entry
from mockllm.timeline.describe import Line, describe

WIDTH = 100
MAX_LINES = 4
"""Lines of a timeline."""
MAX_CAUSE = 56
"""Characters of a fault."""
BETWEEN = " · "
INDENT = "   "
ALONE = ("wait", "head", "pace", "close")
"""What is told one by one; runs of anything else are counted."""


def draw(entries: Iterable[Entry]) -> str:
    """The calls, each in a few lines; an empty text for none."""
    return "\n".join(line for entry in entries for line in drawn(entry))


def drawn(entry: Entry) -> Iterator[str]:
    """One call in lines of at most `WIDTH` characters."""
    yield cut(title(entry), WIDTH)
    yield from wrapped([*events(entry), ending(entry)])
    skipped = entry.not_fired
    silent = [
        f"{report.text} at {report.at} ({skipped[report.text]})"
        for report in entry.plan.reports
        if report.text in skipped
    ]
    if entry.plan.refused:
        yield cut(f"{INDENT}refused: {entry.plan.refused}", WIDTH)
    elif silent:
        yield cut(f"{INDENT}did not fire: {'; '.join(silent)}", WIDTH)


def title(entry: Entry) -> str:
    """What came and what became of it."""
    attempt = f" attempt {entry.attempt} of #{entry.logical}" if entry.attempt > 1 else ""
    words = [entry.method, entry.path, entry.model, "stream" if entry.stream else None]
    asked = " ".join(word for word in words if word)
    status = entry.status or "no head"
    return (
        f"#{entry.number}{attempt} at {entry.at:.3f}  {asked}  -> {status}, {entry.outcome.ending}"
    )


def events(entry: Entry) -> Iterator[str]:
    """What was sent, in order, with the time for which it was planned."""
    plan = entry.plan
    yield "0.000 request"
    named: set[int] = set()
    lines = describe(plan.steps[: entry.reached], plan.speed)
    for kind, group in groupby(
        without_repeats(lines), lambda line: (line.what.partition(" ")[0], line.faults)
    ):
        for run in [[one] for one in group] if kind[0] in ALONE else [list(group)]:
            new = [index for index in run[0].faults if index not in named]
            named.update(new)
            causes = [f"{plan.reports[index].text} at {plan.reports[index].at}" for index in new]
            cause = f" <- {cut(', '.join(causes), MAX_CAUSE)}" if causes else ""
            yield told(run, kind[0]) + cause


def without_repeats(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines without further waits of one fault, such as those of `drip` before each frame."""
    waited: set[tuple[int, ...]] = set()
    for line in lines:
        if line.what != "wait" or line.faults not in waited:
            yield line
        if line.what in ("wait", "pace"):
            waited.add(line.faults)


def told(run: list[Line], kind: str) -> str:
    """A run of one kind, with the times of its first and last."""
    first, last = run[0], run[-1]
    times = f"{first.time:.3f}"
    if len(run) > 1:
        until = f"–{last.time:.3f}" if f"{last.time:.3f}" != times else ""
        return f"{times}{until} {len(run)} {kind}"
    match kind:
        case "wait" | "close":
            return f"{times} {kind} {short(first.text)}"
        case "head":
            return f"{times} head {first.text.partition(' ')[0]}"
        case "pace":
            return f"{times} {first.text}"
        case _:
            return f"{times} {first.what}"


def short(text: str) -> str:
    """Seconds without the zeros at their end."""
    return re.sub(r"(\.\d*?)0+s", lambda found: found[1].rstrip(".") + "s", text)


def ending(entry: Entry) -> str:
    """How it really ended, and when."""
    outcome = entry.outcome
    how = {"fin": " (FIN)", "rst": " (RST)"}.get(outcome.peer or "", "")
    words = {
        "playing": "not over yet",
        "closed": "closed by the server",
        "reset": "reset by the server",
        "held": "the server let go",
        "peer gone": f"client left{how}",
    }.get(outcome.ending, outcome.ending)
    when = outcome.peer_left if outcome.ending == "peer gone" else outcome.ended
    return words if when is None else f"{when:.3f} {words}"


def wrapped(items: list[str]) -> list[str]:
    """The items in few lines; where they are too many, those in the middle go."""
    lines, gone = laid(items), 0
    while len(lines) > MAX_LINES and gone < len(items) - 2:
        gone += 1
        keep = len(items) - gone
        before = keep - keep // 2
        lines = laid([*items[:before], f"… {gone} more", *items[len(items) - keep // 2 :]])
    return lines


def laid(items: list[str]) -> list[str]:
    """The items in lines of at most `WIDTH` characters."""
    lines = [INDENT + items[0]]
    for item in items[1:]:
        longer = lines[-1] + BETWEEN + item
        if len(longer) <= WIDTH:
            lines[-1] = longer
        else:
            lines.append(cut(INDENT + item, WIDTH))
    return lines


def cut(text: str, width: int) -> str:
    """At most so many characters."""
    return text if len(text) <= width else text[: width - 1] + "…"
