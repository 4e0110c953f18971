"""What of a profile is not played before an upstream, and what it costs there."""

from __future__ import annotations

from collections.abc import Iterator

from mockllm.engine.live import measures
from mockllm.engine.warnings import warning, written
from mockllm.faults.apply import AnyFault
from mockllm.faults.picking import waits_for_end
from mockllm.profile.loader import Loaded
from mockllm.profile.models import Listener, Profile
from mockllm.profile.nodes import Key
from mockllm.profile.problems import Problem

UPSTREAMS = "not played: the upstream says"
NOT_PLAYED = {
    "script": f"{UPSTREAMS} what is answered",
    "pacing": f"{UPSTREAMS} how fast",
    "loading": f"{UPSTREAMS} whether it is ready",
    "strict": f"{UPSTREAMS} what it knows",
    "models": f"{UPSTREAMS} which models there are",
}
"""Keys that tell of a server, whose place an upstream has taken."""


def notes(loaded: Loaded) -> list[Problem]:
    """Everything in a profile that is otherwise before an upstream than in a server, with its place."""
    found = [*of_source(loaded, loaded.profile, ())]
    for index, listener in enumerate(loaded.profile.listeners):
        found += of_source(loaded, listener, ("listeners", index))
    return sorted(found)


def of_source(
    loaded: Loaded, source: Profile | Listener, before: tuple[Key, ...]
) -> Iterator[Problem]:
    """The notes of a profile or a listener."""
    for key in sorted(NOT_PLAYED.keys() & source.model_fields_set):
        yield warning(loaded, (*before, key), NOT_PLAYED[key])
    for index, route in enumerate(source.routes if source.routes is not None else (source,)):
        place = before if source.routes is None else (*before, "routes", index)
        if source.routes is not None:
            for key in sorted(NOT_PLAYED.keys() & route.model_fields_set):
                yield warning(loaded, (*place, key), NOT_PLAYED[key])
        for number, fault in enumerate(written(source, index)):
            cost = cost_of(fault)
            if cost is not None:
                yield warning(loaded, (*place, "faults", number), cost)


def cost_of(fault: AnyFault) -> str | None:
    """What a fault holds back; None for one that acts as soon as its place comes."""
    if any(map(measures, fault.verbs)):
        return "when it acts, the answer is held back until it is whole: the head tells its length"
    anchor = fault.anchor
    together = any(getattr(verb, "together", False) for verb in fault.verbs)
    if together or waits_for_end(anchor) or (anchor.point == "byte" and anchor.size < 0):
        return f"when it acts, what {anchor.text} may mean is held back until that is certain"
    if any(getattr(verb, "announce", False) for verb in fault.verbs):
        return "the head announces it before it is known whether the answer gets that far"
    return None
