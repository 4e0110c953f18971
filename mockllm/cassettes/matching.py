"""Which exchange of a cassette answers a request, and if none does, what comes nearest.

An exchange answers a request of the same method, path, model and body. Bodies are compared as JSON
where they are JSON: the order of keys and white space do not count, and neither does the model,
which is compared by itself. Of several that answer, the first call gets the first, the next the
next, and the last repeats. Where none has the body, and the matching is not strict, those of the
same method, path and model answer in the same way, by the number of the model's calls so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockllm.cassettes.cassette import Cassette, Exchange, Request, parsed
from mockllm.cassettes.redacting import HIDDEN, body_without_secrets
from mockllm.matchers.call import Call

MOST = 3
"""How many differences and how many exchanges a report tells."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as it is compared."""

    method: str
    path: str
    model: str | None
    body: Any
    """The JSON without the model, or the bytes."""


def asked_by(call: Call, paths: Sequence[str] = ()) -> Asked:
    """What a call asks, with what the cassette hides hidden too."""
    data = parsed(call.body)
    return Asked(call.method, call.path, call.model, compared(data, call.body, paths))


def asked_in(request: Request) -> Asked:
    """What a recorded request asked."""
    body = compared(request.data, request.body, ())
    return Asked(request.method, request.path, request.model, body)


def compared(data: Any, body: bytes, paths: Sequence[str]) -> Any:
    """A body as it is compared, with what the cassette hides hidden."""
    if paths:
        body = body_without_secrets(body, data, paths)
        data = parsed(body)
    if not isinstance(data, dict):
        return body if data is None else data
    return {key: value for key, value in data.items() if key != "model"}


def similar(asked: Asked, recorded: Asked) -> bool:
    """Whether method, path and model are the same."""
    here = (asked.method, asked.path) == (recorded.method, recorded.path)
    return here and same_model(asked, recorded)


def same_model(asked: Asked, recorded: Asked) -> bool:
    """Whether the models are the same. A call without a model fits any; a recorded body without one
    has its model in the path, which is compared."""
    return asked.model is None or recorded.model is None or asked.model == recorded.model


class NotRecorded(Exception):
    """No exchange answers; the message tells the nearest ones and how they differ."""


class Finder:
    """Finds exchanges of one cassette."""

    def __init__(self, cassette: Cassette) -> None:
        self._cassette = cassette
        self._recorded = [(asked_in(one.request), one) for one in cassette]

    def serves(self, method: str, path: str) -> bool:
        """Whether any request of this method and path was recorded."""
        return any((one.method, one.path) == (method, path) for one, _ in self._recorded)

    def equal(self, call: Call) -> tuple[Exchange, ...]:
        """The exchanges whose request was the same."""
        asked = asked_by(call, self._cassette.redacted)
        return tuple(
            exchange
            for one, exchange in self._recorded
            if similar(asked, one) and one.body == asked.body
        )

    def find(self, call: Call, *, strict: bool = False) -> Exchange:
        """The exchange that answers a call; raises `NotRecorded`."""
        same = self.equal(call)
        if same:
            return same[min(call.repeat, len(same)) - 1]
        asked = asked_by(call, self._cassette.redacted)
        near = [exchange for one, exchange in self._recorded if similar(asked, one)]
        if near and not strict:
            return near[min(call.ordinal, len(near)) - 1]
        raise NotRecorded(self.report(asked))

    def report(self, asked: Asked) -> str:
        """The exchanges that come nearest, with what is different in each."""
        name = self._cassette.file or "the cassette"
        found = sorted(
            ((differences(asked, one), exchange) for one, exchange in self._recorded),
            key=lambda pair: (elsewhere(asked, pair[1]), len(pair[0])),
        )
        if not found:
            return f"{name} holds no exchange"
        told = "; ".join(
            f"line {exchange.line}: {', '.join(reasons[:MOST])}"
            + (f" and {len(reasons) - MOST} more" if len(reasons) > MOST else "")
            for reasons, exchange in found[:MOST]
        )
        return f"no exchange in {name} answers {asked.method} {asked.path} ({told})"


def elsewhere(asked: Asked, exchange: Exchange) -> bool:
    """Whether another method or path was asked for."""
    return (asked.method, asked.path) != (exchange.request.method, exchange.request.path)


def differences(asked: Asked, recorded: Asked) -> list[str]:
    """What is different between what is asked and what was."""
    if (asked.method, asked.path) != (recorded.method, recorded.path):
        return [f"{recorded.method} {recorded.path} was recorded"]
    found = []
    if not same_model(asked, recorded):
        found.append(f"the model was {recorded.model}, not {asked.model}")
    return [*found, *unlike(asked.body, recorded.body, "")]


def unlike(asked: Any, recorded: Any, path: str) -> list[str]:
    """Where two bodies differ, as paths with both values."""
    if asked == recorded or recorded in (HIDDEN, HIDDEN.encode()):
        return []
    if isinstance(asked, dict) and isinstance(recorded, dict):
        return [
            text
            for key in dict.fromkeys([*recorded, *asked])
            for text in unlike_at(asked, recorded, key, path)
        ]
    if isinstance(asked, list) and isinstance(recorded, list) and len(asked) == len(recorded):
        pairs = enumerate(zip(asked, recorded, strict=True))
        return [text for at, (a, b) in pairs for text in unlike(a, b, f"{path}.{at}")]
    return [f"{path.lstrip('.') or 'the body'} was {short(recorded)}, not {short(asked)}"]


def unlike_at(asked: Any, recorded: Any, key: str, path: str) -> list[str]:
    """Where two mappings differ under a key."""
    here = f"{path}.{key}"
    if key not in asked:
        return [f"{here.lstrip('.')} was {short(recorded[key])}, and is absent"]
    if key not in recorded:
        return [f"{here.lstrip('.')} was absent, and is {short(asked[key])}"]
    return unlike(asked[key], recorded[key], here)


def short(value: Any) -> str:
    """A value in few letters."""
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
