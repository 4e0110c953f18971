"""Which routes may match a call: those whose literal texts the call has, and all that want others.

Of a thousand routes for a thousand models only one can match, and looking its model up takes no longer
than with one route. It prunes and decides nothing: the conditions of those that are left are asked
in order, so the first route that matches is the same as without it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

from mockllm.matchers.call import Call
from mockllm.matchers.matcher import Matcher
from mockllm.matchers.text import Globs


class Candidates:
    """The places of routes, by what a call must have for them."""

    def __init__(self, conditions: Sequence[Sequence[Matcher]]) -> None:
        """`conditions`: those of each route, in order."""
        literal = [literals(matchers) for matchers in conditions]
        variety: defaultdict[type[Globs], set[str]] = defaultdict(set)
        for matcher, texts in chain.from_iterable(literal):
            variety[type(matcher)] |= texts
        self._always: list[int] = []
        """The places of routes that want no literal text."""
        self._asked: dict[type[Globs], Globs] = {}
        """One condition of each kind, which reads its text of a call."""
        self._places: defaultdict[type[Globs], dict[str, list[int]]] = defaultdict(dict)
        for place, pairs in enumerate(literal):
            if not pairs:
                self._always.append(place)
                continue
            # What tells most routes apart leaves the fewest of them.
            matcher, texts = max(pairs, key=lambda pair: len(variety[type(pair[0])]))
            self._asked.setdefault(type(matcher), matcher)
            for text in texts:
                self._places[type(matcher)].setdefault(text, []).append(place)

    def of(self, call: Call) -> list[int]:
        """The places of the routes that may match, in order."""
        if not self._asked:
            return self._always
        found = list(self._always)
        for kind, matcher in self._asked.items():
            text = matcher.text(call)
            if text is not None:
                found += self._places[kind].get(text, ())
        found.sort()
        return found


def literals(matchers: Sequence[Matcher]) -> list[tuple[Globs, frozenset[str]]]:
    """The conditions that only some literal texts fulfil, with those texts."""
    pairs = ((one, one.literals) for one in matchers if isinstance(one, Globs))
    return [(matcher, texts) for matcher, texts in pairs if texts is not None]
