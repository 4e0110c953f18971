"""Which events of a script an anchor means, told as the events come.

An anchor is bound to the whole script. Of a script that comes bit by bit most anchors are certain
at once: `content 5` is the fifth, whatever follows. Numbers from the end are certain when so many
units have followed, and ranges that end with a kind when the script has ended. A picker says how
far it is certain; what it picks is what the anchor picks of the whole script.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from mockllm.faults.anchors import Anchor, Selector, part_of
from mockllm.timeline.events import End, Frame, Head, Message


class Picker:
    """What one anchor picks of a growing script."""

    def __init__(self) -> None:
        self.picked: set[int] = set()
        """The places in the script that are picked for certain."""
        self.certain = 0
        """How many events, from the first on, are certain."""

    def feed(self, place: int, event: Message) -> None:
        """One more event of the script."""
        if self.picks(event):
            self.picked.add(place)
        self.certain = place + 1

    def picks(self, event: Message) -> bool:
        """Whether an event is picked, where that is certain at once."""
        return False

    def end(self, script: Sequence[Message]) -> None:
        """The script is whole."""
        self.certain = len(script)


class OfPoint(Picker):
    """The head, the end, or all frames."""

    def __init__(self, anchor: Anchor) -> None:
        super().__init__()
        self._wanted = {"head": Head, "end": End, "body": Frame}.get(anchor.point)

    def picks(self, event: Message) -> bool:
        """By the kind of event; of heads only the first."""
        if self._wanted is None or not isinstance(event, self._wanted):
            return False
        return self._wanted is not Head or not self.picked


class Counted(Picker):
    """Units counted from the first on."""

    def __init__(self, selector: Selector) -> None:
        super().__init__()
        self._selector = selector
        self._first = selector.first or 1
        self._units: dict[int, int] = {}
        """The number of each tool call, by its part."""
        self._frames = 0

    def picks(self, event: Message) -> bool:
        """Whether its number is in the range, which may have no end (`3..*`)."""
        if not self._selector.matches(event):
            return False
        number = self._number(event)
        last = self._selector.last
        if last is None:
            last = self._selector.first
        return number >= self._first and (last is None or last == -1 or number <= int(last))

    def _number(self, event: Message) -> int:
        """The number of the unit: of a tool call, or of the frame itself."""
        if self._selector.kind == "tool":
            return self._units.setdefault(part_of(event), len(self._units) + 1)
        self._frames += 1
        return self._frames


class FromTheEnd(Picker):
    """Frames of which some are counted from the last: certain when so many have followed."""

    def __init__(self, selector: Selector, depth: int) -> None:
        super().__init__()
        self._selector = selector
        self._depth = depth
        self._open: deque[int] = deque()
        self._decided = 0

    def feed(self, place: int, event: Message) -> None:
        """One more event, which may make an earlier one certain."""
        if self._selector.matches(event):
            self._open.append(place)
        if len(self._open) > self._depth:
            self._decided += 1
            early = self._open.popleft()
            first, last = self._selector.first, self._selector.last
            if last is None:
                last = first
            # It is none of those that a negative `first` means, and before a negative `last`.
            if first is not None and 0 < first <= self._decided and int(last or -1) < 0:
                self.picked.add(early)
        self.certain = self._open[0] if self._open else place + 1

    def end(self, script: Sequence[Message]) -> None:
        """What is open is decided by the whole script."""
        self.picked.update(place for place in self._selector.pick(script) if place in self._open)
        super().end(script)


class LastOfCall(FromTheEnd):
    """The last frame of one tool call: `tool 2 last`."""

    def __init__(self, selector: Selector) -> None:
        super().__init__(selector, 1)
        self._calls = Counted(Selector("tool", selector.first))

    def feed(self, place: int, event: Message) -> None:
        """A further frame of the call shows that the one before is not its last."""
        if self._calls.picks(event):
            self._open.append(place)
            if len(self._open) > 1:
                self._open.popleft()
        self.certain = self._open[0] if self._open else place + 1


class AtTheEnd(Picker):
    """Whatever is known of the whole script alone; certain is what comes before all of it."""

    def __init__(self, selector: Selector) -> None:
        super().__init__()
        self._selector = selector
        first = selector.first if (selector.first or 0) > 0 else None
        self._begins = Counted(Selector(selector.kind, first, -1))
        self._begun = False

    def feed(self, place: int, event: Message) -> None:
        """Certain until the first that may be meant."""
        if not self._begun:
            self._begun = self._begins.picks(event)
            self.certain = place + (not self._begun)

    def end(self, script: Sequence[Message]) -> None:
        """Now it is known."""
        self.picked.update(self._selector.pick(script))
        super().end(script)


def picker_of(anchor: Anchor, *, together: bool = False) -> Picker:
    """What picks for an anchor; `together`: nothing before the script has ended."""
    selector = anchor.selector
    if selector is None:
        return OfPoint(anchor)
    if together or isinstance(selector.last, str):
        return AtTheEnd(selector)
    if selector.only_last:
        one = selector.first is not None and selector.first > 0 and selector.last is None
        return LastOfCall(selector) if one else AtTheEnd(selector)
    depth = depth_of(selector)
    if depth == 0:
        return Counted(selector)
    return AtTheEnd(selector) if selector.kind == "tool" else FromTheEnd(selector, depth)


def depth_of(selector: Selector) -> int:
    """How many units have to follow one before it is certain whether it is meant."""
    first = selector.first or 1
    last = selector.last if isinstance(selector.last, int) else first
    return max(-first if first < 0 else 0, -last - 1 if last < 0 else 0)


def waits_for_end(anchor: Anchor) -> bool:
    """Whether a picker holds back what an anchor may mean, until more or all has come."""
    return not isinstance(picker_of(anchor), OfPoint | Counted)
