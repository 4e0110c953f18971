"""Assertions on what a client sent: one request, against what was expected of it.

Values are compared as they came; what a message shows of a credential is redacted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from mockllm.engine.plan import Plan
from mockllm.faults.paths import keys_of
from mockllm.matchers.redact import redact

__tracebackhide__ = True  # pytest shows the line of the test, not of its tools

Path = tuple[str | int, ...]

ABSENT = object()
"""What stands where a document has nothing."""
MAX_LINES = 20
"""Differences that a message shows."""
MAX_TEXT = 60
"""The characters of a value that it shows."""


class Received:
    """A request that came, and what a test may assert of it; all raise `AssertionError`."""

    number: int
    plan: Plan

    @property
    def title(self) -> str:
        """The call as messages name it."""
        call, first = self.plan.call, self.plan.visit.first
        again = f", attempt {call.attempt} of #{first}" if first else ""
        return f"call #{self.number} ({call.method} {call.path}{again})"

    def assert_body(self, expected: Mapping[str, Any], *, differing: Iterable[str] = ()) -> None:
        """Fail unless the JSON body is this one, but for what stands at the paths of `differing`.

        Paths are a profile's: `messages.0.content`, `tools.*.function.name`; negative numbers
        count from the end of a list. The order of keys does not matter.
        """
        call = self.plan.call
        if call.problem is not None:
            raise AssertionError(f"{self.title}: the body is no JSON object: {call.problem}")
        ignored = {
            place
            for path in ([differing] if isinstance(differing, str) else differing)
            for document in (expected, call.data)
            for place in places(document, path.split("."))
        }
        found = [
            f"  {'.'.join(map(str, path)) or 'the body'}: {said}"
            for path, said in differences(expected, dict(call.data))
            if not any(path[:length] in ignored for length in range(1, len(path) + 1))
        ]
        if found:
            more = [f"  … and {len(found) - MAX_LINES} more"] if len(found) > MAX_LINES else []
            lines = [f"{self.title}: the body differs:", *found[:MAX_LINES], *more]
            raise AssertionError("\n".join(lines))

    def assert_header(self, name: str, value: str | None = None) -> None:
        """Fail unless the header is there, and has this value if one is given.

        Of several headers of one name, one must have it.
        """
        values = self.plan.call.header_values(name)
        if value in values or (value is None and values):
            return
        wanted = "to be there" if value is None else f"to be {hidden(name, value)}"
        got = [hidden(name, one) for one in values]
        alike = value is not None and hidden(name, value) in got
        hint = " (they differ in what is hidden here)" if alike else ""
        came = " and ".join(got) or "none"
        raise AssertionError(f"{self.title}: expected header {name} {wanted}, got {came}{hint}")

    def assert_no_header(self, *names: str) -> None:
        """Fail if one of these headers is there."""
        if not names:
            raise TypeError("assert_no_header() takes the name of at least one header")
        call = self.plan.call
        got = [f"{name}: {hidden(name, one)}" for name in names for one in call.header_values(name)]
        if got:
            raise AssertionError(
                f"{self.title}: expected no header {' or '.join(names)}, got {', '.join(got)}"
            )


def hidden(name: str, value: str) -> str:
    """A header's value as a message shows it."""
    return json.dumps(redact(name, value), ensure_ascii=False)


def places(document: Any, path: list[str]) -> Iterator[Path]:
    """The places of a document that a path means."""
    for key in keys_of(document, path[0]):
        if len(path) == 1:
            yield (key,)
        else:
            yield from ((key, *rest) for rest in places(document[key], path[1:]))


def differences(expected: Any, got: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Where two documents differ, and how. 1 is 1.0 but not true, as in JSON."""
    match expected, got:
        case dict(), dict():
            for key in [*expected, *(key for key in got if key not in expected)]:
                one, other = expected.get(key, ABSENT), got.get(key, ABSENT)
                yield from differences(one, other, (*path, key))
        case ((list() | tuple()), list()):
            for index, pair in enumerate(zip_longest(expected, got, fillvalue=ABSENT)):
                yield from differences(*pair, (*path, index))
        case _ if isinstance(expected, bool) != isinstance(got, bool) or expected != got:
            start = common(expected, got)
            yield path, f"expected {shown(expected, start)}, got {shown(got, start)}"


def common(expected: Any, got: Any) -> int:
    """How much of the beginning of two long texts need not be shown, because it is the same."""
    if not isinstance(expected, str) or not isinstance(got, str):
        return 0
    pairs = enumerate(zip_longest(expected, got))
    same = next((index for index, (one, other) in pairs if one != other), 0)
    return max(0, same - MAX_TEXT // 3)


def shown(value: Any, start: int = 0) -> str:
    """A value as a message shows it: JSON, shortened."""
    if value is ABSENT:
        return "nothing"
    if isinstance(value, str) and start:
        value = "…" + value[start:]
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
