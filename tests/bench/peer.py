"""What a server that is measured is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tests.bench.asking import Ask
from tests.bench.load import Bench
from tests.bench.process import Start
from tests.parts.installed import PARTS, STAMP, missing

Work = Literal["whole", "stream", "paced", "tools", "responses", "prompt"]
"""A kind of answer: a whole one, text as a stream, the same at a pace, a streamed call of a tool, a stream of the
Responses API, and a whole one to a long prompt."""


@dataclass(frozen=True)
class Peer:
    """A server, what it can do, and how it is started."""

    name: str
    about: str
    does: frozenset[Work]
    start: Callable[[Bench, Work, float], Start]
    """How it is started for work, with so many milliseconds of TTFT and of ITL."""
    part: str | None = None
    """The part of `.ci/parts` that it needs."""
    prefix: str = ""
    """What stands before the paths of OpenAI."""

    @property
    def version(self) -> str | None:
        """The version of its part; None where the part is missing, or none is needed."""
        if self.part is None or missing(self.part):
            return None
        return (PARTS / self.part / STAMP).read_text("utf-8").splitlines()[-1]

    @property
    def why_missing(self) -> str | None:
        """Why it cannot be measured; None where it can."""
        if self.part is not None and missing(self.part):
            return f"{self.part} is not installed: .ci/parts {self.part}"
        return None

    def ask(self, ask: Ask) -> Ask:
        """A request under its path."""
        return replace(ask, path=self.prefix + ask.path)


Peers = Mapping[str, Peer]
"""Those that can be measured here, by name."""


def able(peers: Peers, work: Work) -> Peers:
    """Those that can do such work."""
    return {name: peer for name, peer in peers.items() if work in peer.does}
