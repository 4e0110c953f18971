"""How long a client waits before it tries again."""

from __future__ import annotations

from collections.abc import Iterator

from mockllm.engine.findings.case import Case, Limits, Retry, runs_of
from mockllm.engine.findings.finding import Check, Finding, NotJudged, among, span, spans
from mockllm.engine.findings.told import retry_after

SLACK = 0.05
"""Seconds by which a client may come too early: clocks and timers are no better."""


class RetryAfterIgnored(Check):
    """An attempt comes earlier than the `Retry-After` of the answer before it asked for.

    To give up instead is right. Times count from the head that carried the header; header values
    are real seconds whatever the server's speed.
    """

    name = "retry-after-ignored"
    why = "a limited server counts early attempts too, so the limit lasts longer for everyone"
    remedy = "wait at least as long as Retry-After says, or give up; apply your own cap to neither"
    resembles = "openai/openai-python#3555"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Compare each retry with what the answer before it asked for."""
        asked = [(retry, told) for retry in case.retries if (told := retry_after(retry.before))]
        if not asked:
            reason = "no attempt followed an answer with Retry-After"
            raise NotJudged(case.without_retries(reason))
        early = []
        for retry, told in asked:
            waited = retry.after.at - retry.before.at - (retry.before.outcome.first_byte or 0.0)
            if waited < told.seconds * 0.99 - SLACK - told.slack:
                early.append((told.seconds - waited, waited, retry, told))
        if early:
            _, waited, retry, told = max(early, key=lambda one: one[0])
            yield self.finding(
                (entry for one in early for entry in (one[2].before, one[2].after)),
                f"attempt {retry.after.attempt} (#{retry.after.number}) came {span(waited)} after "
                f"#{retry.before.number} was answered {retry.before.status} with {told.text}"
                + among(len(early), len(asked), "such attempts"),
            )


def own_choice(retry: Retry, limits: Limits) -> bool:
    """Whether the client chose the gap itself: no Retry-After did, but for one that is near 0."""
    told = retry_after(retry.before)
    return told is None or told.seconds <= limits.near


class Hammering(Check):
    """Two retries in a row come at once, within `limits.near`, after the server had ended the
    attempts before them.

    A single retry at once is common and harmless. Not judged are attempts that the client ended
    itself (it has waited long enough for its timeout), and those that `Retry-After` speaks of.
    """

    name = "hammering"
    why = "a server that is down gets as many requests as the network can carry, and stays down"
    remedy = "wait before each retry, longer each time: 0.5 s, 1 s, 2 s, with jitter"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Look for runs of retries without a gap."""
        limit = case.limits.near
        chosen = [
            run
            for group in case.logical
            for run in runs_of(group)
            if len(run) > 1 and not any(map(retry_after, (one.before for one in run)))
        ]
        if not chosen:
            reason = "no call had two retries in a row whose gaps the client chose"
            raise NotJudged(case.without_retries(reason))
        worst: list[tuple[Retry, ...]] = [
            found for run in chosen if len(found := longest(run, limit)) > 1
        ]
        if worst:
            run = max(worst, key=len)
            yield self.finding(
                (entry for one in worst for entry in (one[0].before, *(r.after for r in one))),
                f"{len(run)} retries in a row of #{run[0].before.logical} came "
                f"{spans(one.gap for one in run)} after the end of the attempt before "
                f"(a gap below {span(limit)} is none)" + among(len(worst), len(chosen), "calls"),
            )


def longest(run: tuple[Retry, ...], limit: float) -> tuple[Retry, ...]:
    """The longest part of a run in which each gap is below the limit."""
    best: tuple[Retry, ...] = ()
    now: tuple[Retry, ...] = ()
    for retry in run:
        now = (*now, retry) if retry.gap < limit else ()
        best = max(best, now, key=len)
    return best


class NoBackoff(Check):
    """The gaps between the attempts of a call stay the same (within a tenth).

    At least two comparisons are needed, in one call of four attempts or in two of three, because
    full jitter makes two equal gaps now and then. Gaps near 0 are for `hammering`, those that
    `Retry-After` sets are the server's choice, and a call of which one pair of gaps differs backs
    off.
    """

    name = "no-backoff"
    severity = "warn"
    why = "an outage that lasts longer than a moment is met with an undiminished rate of retries"
    remedy = "make each gap longer than the one before, up to a cap"

    ALIKE = 1.1
    PAIRS = 2

    def judge(self, case: Case) -> Iterator[Finding]:
        """Compare the gaps of each call with one another."""
        near = case.limits.near
        runs = [
            run
            for group in case.logical
            for run in runs_of(group)
            if len(run) > 1
            and not any(map(retry_after, (one.before for one in run)))
            and max(one.gap for one in run) >= near
        ]
        pairs = sum(len(run) - 1 for run in runs)
        if pairs < self.PAIRS:
            reason = (
                f"{pairs or 'no'} pair of gaps that the client chose was seen, and {self.PAIRS} "
                "are needed: one call of four attempts, or two of three"
            )
            raise NotJudged(case.without_retries(reason))
        if all(self.constant(run) for run in runs):
            run = max(runs, key=len)
            yield self.finding(
                (entry for one in runs for entry in (one[0].before, *(r.after for r in one))),
                f"the gaps between the attempts of #{run[0].before.logical} were "
                f"{spans(one.gap for one in run)}: they did not grow"
                + (f" (nor did those of {len(runs) - 1} others)" if len(runs) > 1 else ""),
            )

    def constant(self, run: tuple[Retry, ...]) -> bool:
        """Whether all gaps of a run are alike."""
        gaps = [one.gap for one in run]
        return max(gaps) <= min(gaps) * self.ALIKE


class NoJitter(Check):
    """Gaps that a client chose are equal to a hundredth: the same gap of three calls, or three
    gaps of one.

    Gaps below 0.2 s are too short to tell, gaps that `Retry-After` sets are the server's choice,
    and a spread between a hundredth and a twentieth is in doubt.
    """

    name = "no-jitter"
    severity = "warn"
    why = "clients that failed together come back together, and fail together again"
    remedy = "add chance to each gap, such as a random part of a quarter"
    resembles = "NousResearch/hermes-agent#109234"

    ENOUGH = 3
    SHORT = 0.2
    EQUAL = 0.01
    SPREAD = 0.05

    def judge(self, case: Case) -> Iterator[Finding]:
        """Compare the first gaps of all calls, the second ones, and so on."""
        groups: dict[object, list[Retry]] = {}
        for group in case.logical:
            for run in runs_of(group):
                for retry in run:
                    if own_choice(retry, case.limits) and retry.gap >= self.SHORT:
                        groups.setdefault(retry.before.attempt, []).append(retry)
        samples = [some for some in groups.values() if len(some) >= self.ENOUGH]
        steady = [
            list(run)
            for group in case.logical
            for run in runs_of(group)
            if len(run) >= self.ENOUGH
            and all(own_choice(one, case.limits) and one.gap >= self.SHORT for one in run)
            and self.spread(run) <= self.EQUAL
        ]
        if not samples and not steady:
            reason = (
                f"{self.ENOUGH} calls with a gap of at least {span(self.SHORT)} before the same "
                "attempt are needed"
            )
            raise NotJudged(case.without_retries(reason))
        if any(self.spread(some) >= self.SPREAD for some in samples):
            return
        equal = [some for some in samples if self.spread(some) <= self.EQUAL] + steady
        if equal:
            some = max(equal, key=len)
            yield self.finding(
                (entry for one in some for entry in (one.before, one.after)),
                f"{len(some)} gaps were {', '.join(f'{one.gap:.3f} s' for one in some[:8])}: "
                f"equal within {self.spread(some):.1%}",
            )
        else:
            least = min(map(self.spread, samples))
            raise NotJudged(f"the gaps differ by {least:.1%}, which may be jitter or noise")

    @staticmethod
    def spread(some: list[Retry] | tuple[Retry, ...]) -> float:
        """By how much of the longest gap the gaps differ."""
        gaps = [one.gap for one in some]
        return (max(gaps) - min(gaps)) / max(gaps)
