"""What a client tries again, and how often."""

from __future__ import annotations

from collections.abc import Iterator

from mockllm.engine.findings.case import KEY, Case, Retry
from mockllm.engine.findings.finding import Check, Finding, NotJudged, among, span
from mockllm.engine.findings.told import invited
from mockllm.engine.journal import Entry
from mockllm.matchers.call import Call
from mockllm.matchers.redact import CREDENTIALS

PERMANENT = (400, 401, 403, 404, 413, 422)
"""Errors that the same request will meet again."""


def credentials(call: Call) -> tuple[tuple[str, str], ...]:
    """The credentials of a request, as they came."""
    return tuple((name.lower(), value) for name, value in call.headers if name.lower() in CREDENTIALS)  # fmt: skip


class PermanentErrorRetried(Check):
    """The same request comes again after 400, 401, 403, 404, 413 or 422.

    Right are a retry with other credentials after 401 or 403, and one that the answer asks for
    (`x-should-retry: true`, `Retry-After`).
    """

    name = "permanent-error-retried"
    why = "the answer will be the same; the user waits longer for it, and the server works in vain"
    remedy = "give up at once on these statuses; retry 408, 409, 429 and 5xx"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Look at what followed each permanent error."""
        refused = [
            entry
            for group in case.logical
            for entry in group
            if entry.status in PERMANENT and not invited(entry)
        ]
        if not refused:
            raise NotJudged(f"no call was answered with one of {', '.join(map(str, PERMANENT))}")
        numbers = {entry.number for entry in refused}
        again = [
            retry
            for retry in case.retries
            if retry.before.number in numbers and not self.renewed(retry)
        ]
        if again:
            retry = max(again, key=lambda one: one.after.attempt)
            yield self.finding(
                (entry for one in again for entry in (one.before, one.after)),
                f"#{retry.before.number} was answered {retry.before.status}, and the same request "
                f"came again {span(retry.gap)} later (#{retry.after.number}, attempt "
                f"{retry.after.attempt})" + among(len(again), len(refused), "such answers"),
            )

    @staticmethod
    def renewed(retry: Retry) -> bool:
        """Whether a client that was not let in came with other credentials."""
        before, after = credentials(retry.before.plan.call), credentials(retry.after.plan.call)
        return retry.before.status in (401, 403) and before != after


class RetryStorm(Check):
    """A logical call has more attempts than `limits.attempts`."""

    name = "retry-storm"
    why = "each layer that retries multiplies the load of an outage, and the bill"
    remedy = "bound the attempts (three are common) and retry in one layer alone"
    resembles = "openai/openai-python#3828"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Count the attempts of each call."""
        limit = case.limits.attempts
        failed = [group for group in case.logical if any(map(fails, group))]
        if not failed:
            reason = "no call failed, so there was nothing to retry"
            raise NotJudged(case.without_retries(reason))
        many = [group for group in failed if group[-1].attempt > limit]
        if many:
            group = max(many, key=lambda one: one[-1].attempt)
            lasted = group[-1].at - group[0].at
            yield self.finding(
                (entry for one in many for entry in one),
                f"#{group[0].logical} had {group[-1].attempt} attempts within {span(lasted)}, "
                f"{limit} are allowed" + among(len(many), len(failed), "failed calls"),
            )


def fails(entry: Entry) -> bool:
    """Whether an exchange is over without success."""
    return entry.outcome.ending != "playing" and not entry.succeeded


class ExecutedTwice(Check):
    """A request comes again although its answer had begun (a 2xx with content), and no
    `Idempotency-Key` that is the same in both says that they are one.

    Without content in a stream it is not known whether the request was executed; the head of an
    answer that is no stream shows that it was.
    """

    name = "executed-twice"
    severity = "warn"
    why = "the work is done, and billed, twice; a tool may act twice"
    remedy = "send one Idempotency-Key with all attempts, or report the partial answer as an error"
    resembles = "Comfy-Org/ComfyUI#16204"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Look at the retries of answers that had begun."""
        begun = [retry for retry in case.retries if answered(retry.before)]
        if not begun:
            reason = "no attempt followed an answer that had begun"
            raise NotJudged(case.without_retries(reason))
        twice = [retry for retry in begun if not same_key(retry)]
        if twice:
            retry = max(twice, key=lambda one: one.before.tokens_sent)
            before = retry.before
            keys = [one.plan.call.header(KEY) for one in (before, retry.after)]
            lack = "another Idempotency-Key" if all(keys) else "no Idempotency-Key in both"
            yield self.finding(
                (entry for one in twice for entry in (one.before, one.after)),
                f"#{before.number} had been answered {before.status} with {before.tokens_sent} "
                f"tokens, and the same request came again (#{retry.after.number}) with {lack}"
                + among(len(twice), len(begun), "such retries"),
            )


def answered(entry: Entry) -> bool:
    """Whether the answer shows that the request was executed."""
    begun = entry.status is not None and 200 <= entry.status < 300
    return begun and (entry.tokens_sent > 0 or not entry.stream)


def same_key(retry: Retry) -> bool:
    """Whether both attempts carry one idempotency key."""
    key = retry.before.plan.call.header(KEY)
    return key is not None and key == retry.after.plan.call.header(KEY)
