"""What happened at a server, as a test asks for it and asserts on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mockllm.engine.calls import Calls
from mockllm.engine.draw import draw
from mockllm.engine.findings.case import Caller, Limits
from mockllm.engine.findings.report import as_text
from mockllm.engine.findings.verdict import LIMITS, Verdict
from mockllm.engine.findings.verdict import judge as judge_conduct
from mockllm.engine.journal import Entry, brief
from mockllm.engine.judge import Judgement, gaps_of, judge
from mockllm.faults.values import format_seconds
from mockllm.outcome import Outcome
from mockllm.server.service import Service

__tracebackhide__ = True  # pytest shows the line of the test, not of its tools

T = TypeVar("T")


class Observing(ABC):
    """The journal of a server, and what can be said about its clients."""

    _outcome: Outcome | None = None

    @abstractmethod
    def _read(self, function: Callable[[Service], T]) -> T:
        """Ask the server, or what is left of it."""

    @property
    def calls(self) -> Calls:
        """The calls since the start or `clear`, oldest first, as they stand now. At most the last
        thousand are kept."""
        return Calls(self._read(lambda service: service.engine.journal.entries()))

    @contextmanager
    def outcome(self, *, typed: tuple[type[Exception], ...] = ()) -> Iterator[Outcome]:
        """Catch what the caller of a client sees: `with mockllm.outcome() as got: got.text = run()`.

        An exception of the block ends it and stands in `got.error`; `assert_expected` judges it.
        An `AssertionError` is the test's own and goes on.
        `typed` are the client's own kinds of errors where their module does not tell.
        """
        got = self._outcome = Outcome(typed=typed)
        begun = self._read(lambda service: service.clock.now())
        try:
            yield got
        except AssertionError:
            raise
        except Exception as error:
            got.error = error
        finally:
            if got.seconds is None:
                got.seconds = self._read(lambda service: service.clock.now()) - begun

    @property
    def verdict(self) -> Verdict:
        """What the journal shows of the clients' conduct."""
        return judge_conduct(self.calls)

    @property
    def expectations(self) -> tuple[Judgement, ...]:
        """The statements of the profile's `expect`, and what became of each."""
        expect = self._read(lambda service: service.engine.profile.profile.expect)
        if expect is None:
            return ()
        groups = self.calls.logical
        seen = self._outcome.seen if self._outcome is not None else None
        return judge(expect, seen, groups[0] if groups else ())

    # Assertions

    def assert_expected(self) -> None:
        """Fail unless everything holds that the profile expects of a good client.

        What could not be observed is told but does not fail, unless nothing could be. Raises
        `ValueError` for a profile without `expect`.
        """
        judged = self.expectations
        if not judged:
            name = self._read(lambda service: service.engine.profile.name)
            raise ValueError(f"profile {name} has no `expect`, so there is nothing to judge")
        broken = [one for one in judged if one.wrong]
        if broken or all(one.verdict == "not judged" for one in judged):
            lines = "\n".join(f"  {one}" for one in judged)
            raise AssertionError(f"the client did not do what the profile expects:\n{lines}")

    def assert_resilient(
        self,
        *,
        ignore: Collection[str] = (),
        read_timeout: float | None = None,
        attempts: int = LIMITS.attempts,
        cancel: float = LIMITS.cancel,
        tokens: int | None = None,
    ) -> None:
        """Fail if the journal shows conduct that harms (a finding of severity `fail`).

        `ignore` are names of findings that are in order here. `read_timeout` is how long the client
        may listen to silence, `cancel` how long it may take to leave, in seconds; `attempts` how
        many attempts of one call are too many when exceeded; `tokens` the completion tokens that it
        counted in all. What cannot be observed is not judged. Raises `ValueError` for a name that no
        finding has.
        """
        limits = Limits(attempts=attempts, read_timeout=read_timeout, cancel=cancel)
        verdict = judge_conduct(
            self.calls, limits=limits, caller=Caller(tokens=tokens), ignore=ignore
        )
        if verdict.failures:
            raise AssertionError(f"the client's conduct does harm:\n{as_text(verdict)}")

    def assert_fired(self) -> None:
        """Fail if a fault that was asked for by name (`use`, a method, the marker) never acted."""
        unmet = self._read(lambda service: service.engine.unmet)
        if unmet:
            story = "\n".join(f"  {one}" for one in unmet)
            raise AssertionError(
                f"a fault was asked for and never fired, so this test proves nothing about it:\n"
                f"{story}\nSend a call that reaches it, remove it, or say may_not_fire=True."
            )

    def assert_used(self) -> None:
        """Fail if a call met no route or no API, or if something that `says` had to say was never
        asked for."""
        lost = [
            f"  #{call.number} {call.method} {call.path}: {why}" for call, why in self._strays()
        ]
        unused = self._read(lambda service: service.engine.unused)
        if lost:
            story = "\n".join(lost)
            raise AssertionError(
                f"calls came that nothing was said about:\n{story}\n"
                "Say what they get (on, a route of the profile), or leave strict out."
            )
        if unused:
            story = "\n".join(f"  {one}" for one in unused)
            raise AssertionError(
                f"answers were never asked for:\n{story}\nRemove them, or leave strict out."
            )

    def _strays(self) -> Iterator[tuple[Entry, str]]:
        """The calls that no route took, and why."""
        for call in self.calls:
            if call.plan.found.route is None:
                misses = (f"{miss.route}: {', '.join(miss.reasons)}" for miss in call.plan.nearest)
                yield call, call.plan.refused or "; ".join(misses) or "no route matches"

    def assert_attempts(self, count: int) -> None:
        """Fail unless exactly so many calls came since the start or `clear`."""
        calls, forgotten = self._read(
            lambda service: (service.engine.journal.entries(), service.engine.journal.forgotten)
        )
        came = len(calls) + forgotten
        if came != count:
            plural = "" if count == 1 else "s"
            raise AssertionError(
                f"expected {count} attempt{plural}, got {came}{self._story(calls)}"
            )

    def assert_gap(
        self, number: int, *, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        """Fail unless the silence between two calls is so long: `assert_gap(1, at_least=2.0)` is
        about that between the end of the first call and the begin of the second, in seconds of the
        server's clock."""
        calls = self.calls
        if not 1 <= number < len(calls):
            raise AssertionError(
                f"expected a gap {number} between calls, got {len(calls)} calls{self._story(calls)}"
            )
        gap = gaps_of(calls)[number - 1]
        early = at_least is not None and gap < at_least
        late = at_most is not None and gap > at_most
        if early or late:
            wanted = f"at least {at_least:g}s" if early else f"at most {at_most:g}s"
            raise AssertionError(
                f"expected {wanted} between #{number} and #{number + 1}, got "
                f"{format_seconds(round(gap, 3))}{self._story(calls)}"
            )

    def assert_cancelled(self, *, within: float | None = None) -> None:
        """Fail unless the client of the last call left before its end; `within` so many seconds
        after the call had been read."""
        calls = self.calls
        if not calls:
            raise AssertionError(
                f"expected a call that was cancelled, got none{self._story(calls)}"
            )
        left = calls[-1].outcome.peer_left
        if left is None or calls[-1].outcome.ending != "peer gone":
            raise AssertionError(
                f"expected the client of #{calls[-1].number} to leave, but it did not"
                f"{self._story(calls)}"
            )
        if within is not None and left > within:
            raise AssertionError(
                f"expected the client of #{calls[-1].number} to leave within {within:g}s, got "
                f"{format_seconds(round(left, 3))}{self._story(calls)}"
            )

    # For people

    def report(self) -> str:
        """What happened, for people: the profile that is on, and each call's timeline."""
        calls = self.calls
        name, url = self._read(lambda service: (service.engine.profile.name, service.url))
        return f"profile {name} at {url}\n{draw(calls) if calls else '  no call came'}"

    def _story(self, calls: tuple[object, ...]) -> str:
        """What came, behind a message."""
        if calls:
            return f":\n{brief(self.calls)}"
        return f"; no client called {self._read(lambda service: service.url)}"
