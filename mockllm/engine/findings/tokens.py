"""What a client counts."""

from __future__ import annotations

from collections.abc import Iterator

from mockllm.engine.findings.case import Case
from mockllm.engine.findings.finding import Check, Finding, NotJudged
from mockllm.engine.journal import Entry


class TokensCounted(Check):
    """The completion tokens that were counted for all calls are more than those of the answers
    that came whole.

    Only the client's side knows its count; nothing is judged without it, nor where a script says
    another usage than its text has.
    """

    name = "tokens-counted"
    severity = "warn"
    why = "budgets and bills hold tokens of attempts whose text nobody got"
    remedy = "count usage once for each logical call, from the answer that came whole"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Compare the count with what was sent."""
        counted = case.caller.tokens
        if counted is None:
            raise NotJudged("it is not known what was counted (caller.tokens)")
        if any(entry.outcome.ending == "playing" for entry in case.entries):
            raise NotJudged("a call is not over yet")
        if any(map(other_usage, case.entries)):
            raise NotJudged("a script says another usage than its text has")
        failed = [entry for entry in case.entries if not entry.succeeded and entry.tokens_sent]
        if not failed:
            raise NotJudged("no attempt that failed had sent tokens")
        whole = sum(entry.tokens_sent for entry in case.entries if entry.succeeded)
        if counted > whole:
            lost = sum(entry.tokens_sent for entry in failed)
            yield self.finding(
                failed,
                f"{counted} completion tokens were counted; the answers that came whole had "
                f"{whole}, the attempts that failed had sent {lost}",
            )


def other_usage(entry: Entry) -> bool:
    """Whether a script changes the usage of its answer."""
    script = entry.plan.script
    return script is not None and (script.usage is not None or not script.has_usage)
