"""What a gateway does with its upstream when its own caller leaves."""

from __future__ import annotations

from collections.abc import Iterator

from mockllm.engine.findings.case import Case
from mockllm.engine.findings.finding import Check, Finding, NotJudged, among, span
from mockllm.engine.journal import Entry

UNKNOWN = "it is not known when a caller left (caller.left)"
NONE = "no call was still running when its caller left"


def running(case: Case) -> list[tuple[Entry, float]]:
    """The calls that were not over when their caller left, and how long they went on."""
    if not case.caller.left:
        raise NotJudged(UNKNOWN)
    found = []
    for entry in case.entries:
        left = case.caller.left.get(entry.number)
        if left is None or entry.ended_at is None or not entry.at <= left < entry.ended_at:
            continue
        end = entry.ended_at if entry.peer_left_at is None else entry.peer_left_at
        found.append((entry, end - left))
    return found


def cancelled(entry: Entry) -> bool:
    """Whether the gateway ended the exchange."""
    return entry.outcome.ending == "peer gone"


class CancelNotPropagated(Check):
    """A gateway reads an answer on to its end, for more than `limits.cancel` after its own caller
    has left. An answer that ends by itself within that time shows nothing."""

    name = "cancel-not-propagated"
    why = "the model goes on for nobody: tokens are billed and a slot is taken until it is done"
    remedy = "end the upstream request as soon as the caller's connection is gone"
    resembles = "BerriAI/litellm#13774"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Look at the calls that went on without their caller."""
        limit = case.limits.cancel
        seen = [(entry, more) for entry, more in running(case) if cancelled(entry) or more > limit]
        if not seen:
            raise NotJudged(NONE)
        went_on = [(entry, more) for entry, more in seen if not cancelled(entry)]
        if went_on:
            entry, more = max(went_on, key=lambda pair: pair[1])
            yield self.finding(
                (one for one, _ in went_on),
                f"the caller of #{entry.number} left, and the gateway kept the call for "
                f"{span(more)} more, to its end ({entry.tokens_sent} tokens sent in all)"
                + among(len(went_on), len(seen), "calls whose caller left"),
            )


class LateCancel(Check):
    """A gateway ends a call, but more than `limits.cancel` after its own caller has left."""

    name = "late-cancel"
    severity = "warn"
    why = "tokens that nobody reads are made and billed in between"
    remedy = "watch the caller's connection while waiting for the upstream, not only when writing"
    resembles = "BerriAI/litellm#13774"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Compare the two departures."""
        seen = [(entry, more) for entry, more in running(case) if cancelled(entry)]
        if not seen:
            raise NotJudged("no call was ended because its caller left")
        late = [(entry, more) for entry, more in seen if more > case.limits.cancel]
        if late:
            entry, more = max(late, key=lambda pair: pair[1])
            yield self.finding(
                (one for one, _ in late),
                f"the gateway left #{entry.number} {span(more)} after its caller had; the limit "
                f"is {span(case.limits.cancel)}"
                + among(len(late), len(seen), "calls whose caller left"),
            )
