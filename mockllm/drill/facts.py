"""What a gateway made of what it got: facts, which are told and not judged.

Each fact compares the last request that reached the upstream, or all of them, with what the asker
saw. A fact that shows harm begins with one of the words of `WARNING`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from mockllm.drill.worker import Event
from mockllm.engine.journal import Entry
from mockllm.engine.judge import Seen
from mockllm.timeline.events import Frame

KEY = "drill-idempotency-key"
SECRETS = {
    "openai-organization": "org-of-the-caller",
    "openai-project": "proj-of-the-caller",
    "idempotency-key": KEY,
}
"""What the asker sends, to see where it goes."""
OF_ACCOUNT = ("openai-organization", "openai-project", "x-ratelimit-limit-requests", "set-cookie")
"""Headers of the upstream that tell of the account that the gateway has there."""
WARNING = ("lost", "changed", "dropped", "laundered", "forwarded", "leaked", "executed", "unstable")


@dataclass(frozen=True)
class Passage:
    """One cell of a gateway: what went in behind it, and what came out before it."""

    calls: Sequence[Entry]
    """The requests that reached the upstream and met the incident, at least one."""
    others: Sequence[Entry]
    """All requests that reached it."""
    events: Sequence[Event]
    seen: Seen | None
    key: str
    """The key that the asker sent."""
    asked: int = 1
    """How many logical calls it made."""

    @property
    def last(self) -> Entry:
        """The last request."""
        return self.calls[-1]

    @cached_property
    def status(self) -> int | None:
        """The status that came out."""
        return next((int(e.text) for e in self.events if e.kind == "head"), None)

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers that came out, in lower case."""
        pairs = (e.text.partition(":") for e in self.events if e.kind == "header")
        return {name.strip().lower(): value.strip() for name, _, value in pairs}

    @cached_property
    def body(self) -> str:
        """The body that came out, or its beginning."""
        return "\n".join(e.text for e in self.events if e.kind in ("body", "line"))

    @property
    def failed(self) -> bool:
        """Whether the last answer of the upstream was an error, with its body sent."""
        return (self.last.status or 0) >= 400


def facts_of(
    calls: Sequence[Entry],
    others: Sequence[Entry],
    events: Sequence[Event],
    seen: Seen | None,
    key: str,
    asked: int = 1,
) -> dict[str, str]:
    """What is to be told of one cell, by name; nothing where no request came through."""
    if not calls:
        return {}
    passage = Passage(calls, others, events, seen, key, asked)
    told = ((name, fact(passage)) for name, fact in FACTS.items())
    return {name: text for name, text in told if text is not None}


def attempts(passage: Passage) -> str | None:
    """How many requests the gateway made of one."""
    more = len(passage.others) - len(passage.calls)
    elsewhere = f", and {more} that met another profile" if more else ""
    return f"{len(passage.calls)}{elsewhere}"


def status(passage: Passage) -> str | None:
    """The status of an error on its way through."""
    if not passage.failed or passage.status is None or passage.status < 400:
        return None
    if passage.status == passage.last.status:
        return f"kept: {passage.status}"
    return f"changed: {passage.last.status} became {passage.status}"


def error_body(passage: Passage) -> str | None:
    """The body of an error on its way through."""
    if not passage.failed or passage.status is None or passage.status < 400:
        return None
    sent = body_of(passage.last)
    if not sent:
        return None
    got = passage.body
    if got and (got == sent or (len(got) >= 2000 and sent.startswith(got))):
        return "kept: byte for byte"
    message = message_of(sent)
    if same_json(sent, got):
        return "kept: the same JSON, written anew"
    if message and message in (message_of(got) or got):
        return "rewrapped: the upstream's message is in another body"
    return f"lost: {excerpt(sent)} became {excerpt(got)}"


def retry_after(passage: Passage) -> str | None:
    """The upstream's Retry-After on its way through."""
    head = passage.last.plan.head
    wanted = head.get("retry-after") if head and passage.failed else None
    if wanted is None or (passage.status or 0) < 400:
        return None
    got = passage.headers.get("retry-after")
    if got is None:
        return f"dropped: {wanted} did not come through"
    return f"kept: {got}" if got == wanted else f"changed: {wanted} became {got}"


def truncation(passage: Passage) -> str | None:
    """What became of an answer that broke off."""
    last = passage.last
    # An attempt that was tried again, or that the gateway itself left, broke nothing off.
    if last.plan.whole or last.outcome.ending not in ("closed", "reset") or not last.frames_sent:
        return None
    if passage.seen is None or passage.seen.error is not None:
        return "told: the asker saw that the answer broke off"
    if passage.seen.text == last.whole_text:
        return "rescued: the asker got the whole text"
    return "laundered: the upstream broke off, and the asker saw a proper end"


def credentials(passage: Passage) -> str | None:
    """Where the asker's own key and account went."""
    found = []
    for entry in passage.calls:
        headers = {name.lower(): value for name, value in entry.plan.call.headers}
        if any(passage.key in value for value in headers.values()):
            found.append("its key")
        found += [
            name
            for name in ("openai-organization", "openai-project")
            if headers.get(name) == SECRETS[name]
        ]
    names = ", ".join(dict.fromkeys(found))
    return f"forwarded: {names} reached the upstream" if names else "kept back"


def idempotency(passage: Passage) -> str | None:
    """The asker's Idempotency-Key on its way through, or one of the gateway's own."""
    values = [entry.plan.call.header("idempotency-key") for entry in passage.calls]
    if set(values) == {KEY}:
        return "passed"
    if None in values:
        return "not passed"
    return "replaced: one for all attempts" if len(set(values)) == 1 else "unstable: one an attempt"


def executions(passage: Passage) -> str | None:
    """How often the upstream carried out what was asked once."""
    count = sum(entry.plan.carried_out for entry in passage.calls)
    if count <= passage.asked:
        return f"{count}"
    of = f" for {passage.asked} calls" if passage.asked > 1 else ""
    return f"executed {count} times{of}"


def leaks(passage: Passage) -> str | None:
    """Headers that tell of the gateway's own account at the upstream."""
    head = passage.last.plan.head
    if head is None or passage.status is None:
        return None
    found = [
        name
        for name in OF_ACCOUNT
        if head.get(name) is not None and passage.headers.get(name) == head.get(name)
    ]
    return f"leaked: {', '.join(found)}" if found else "kept back"


FACTS: dict[str, Callable[[Passage], str | None]] = {
    "requests upstream": attempts,
    "status": status,
    "error body": error_body,
    "Retry-After": retry_after,
    "truncation": truncation,
    "caller's credentials": credentials,
    "Idempotency-Key": idempotency,
    "executions": executions,
    "upstream's headers": leaks,
}


def is_warning(fact: str) -> bool:
    """Whether a fact shows harm."""
    return fact.partition(":")[0].partition(" ")[0] in WARNING


def body_of(entry: Entry) -> str:
    """The body that the upstream sent, without the dressing of a stream."""
    frames = (step.event for step in entry.plan.steps if isinstance(step.event, Frame))
    return "\n".join(frame.data.decode("utf-8", "replace") for frame in frames)


def message_of(body: str) -> str | None:
    """The message in an error's JSON."""
    try:
        found = json.loads(body)
    except ValueError:
        return body.strip() or None
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(key):
            found = found[key]
    return found if isinstance(found, str) else None


def same_json(one: str, other: str) -> bool:
    """Whether two bodies are the same JSON."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def excerpt(body: str) -> str:
    """A body in a few words."""
    flat = " ".join(body.split())
    return f"“{flat[:80]}…”" if len(flat) > 80 else f"“{flat}”"
