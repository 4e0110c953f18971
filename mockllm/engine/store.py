"""What calls leave behind for later ones: stored completions, responses, loaded models."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from mockllm.wires.wire import Effect, Put

MAX_DOCUMENTS = 10_000
"""Documents that are kept; the one that was written longest ago goes first."""


class Documents:
    """Documents by kind and id, in the order in which they were first written."""

    def __init__(self, most: int = MAX_DOCUMENTS) -> None:
        self._most = most
        self._documents: OrderedDict[tuple[str, str], Any] = OrderedDict()

    def get(self, kind: str, id: str, /) -> Any:
        """The document; None where there is none."""
        return self._documents.get((kind, id))

    def all(self, kind: str, /) -> tuple[Any, ...]:
        """The documents of a kind, oldest first."""
        return tuple(value for (one, _), value in self._documents.items() if one == kind)

    def apply(self, effects: Iterable[Effect]) -> None:
        """Write down what a call leaves behind."""
        for effect in effects:
            if isinstance(effect, Put):
                self._documents[effect.kind, effect.id] = effect.document
                if len(self._documents) > self._most:
                    self._documents.popitem(last=False)
            else:
                self._documents.pop((effect.kind, effect.id), None)

    def clear(self) -> None:
        """Forget everything."""
        self._documents.clear()
