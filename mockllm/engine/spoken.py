"""What was said to a running server, in every profile that its calls meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mockllm.engine.journal import Entry
from mockllm.profile.adding import Said, with_said
from mockllm.profile.loader import Loaded
from mockllm.scripts.script import Source
from mockllm.scripts.turns import TurnsSource


class Spoken:
    """Profiles with what was said in them; each is made once, because every call asks."""

    def __init__(self) -> None:
        self.said: tuple[Said, ...] = ()
        """What was said, and holds."""
        self._made: dict[int, tuple[Loaded, Loaded]] = {}

    def say(self, said: tuple[Said, ...]) -> None:
        """From now on this holds, and nothing that was said before."""
        self.said = said
        self._made.clear()

    def unused(self, entries: Sequence[Entry]) -> tuple[str, ...]:
        """The answers that no call has got, in words."""
        return tuple(
            f"{one.name or 'mockllm'}.says: {what}"
            for one in self.said
            if one.script is not None
            for what in never_said(one.script, entries)
        )

    def heard(self, loaded: Loaded) -> Loaded:
        """A profile with all that was said."""
        if not self.said:
            return loaded
        found = self._made.get(id(loaded))
        if found is None or found[0] is not loaded:
            found = self._made[id(loaded)] = (loaded, with_said(loaded, self.said))
        return found[1]


def never_said(script: Source, entries: Sequence[Entry]) -> Iterator[str]:
    """What of a script no call has got."""
    turns = [
        entry.plan.call.conversation.turn
        for entry in entries
        if entry.plan.found.route is not None and entry.plan.found.route.script is script
    ]
    if not turns:
        yield "no call got it"
    elif isinstance(script, TurnsSource) and max(turns) < len(script.turns):
        yield f"turn {max(turns)} was the last that came, of {len(script.turns)}"
