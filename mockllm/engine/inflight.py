"""The calls that are being answered, as far as a server's metrics tell of them.

What counts is what a model works on: calls with a prompt that a real server would carry out, of one
profile, because one server may imitate many. Nothing is summed up before somebody asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mockllm.engine.plan import Plan
from mockllm.wires.wire import Busy


def busy(playing: Iterable[Plan], profile: str) -> Busy:
    """What the calls of a profile keep its server busy with, of all that are being answered, the oldest
    first.

    Those behind the slots of a route's load (`pacing.load`) wait, and have no tokens yet; where
    there is no load nothing waits.
    """
    routes: dict[int, list[Plan]] = defaultdict(list)
    for plan in playing:
        if plan.profile == profile and is_work(plan):
            routes[plan.found.index].append(plan)
    running = [plan for plans in routes.values() for plan in plans[: slots_of(plans[0])]]
    return Busy(
        len(running),
        sum(map(len, routes.values())) - len(running),
        sum(map(tokens_of, running)),
    )


def is_work(plan: Plan) -> bool:
    """Whether a model works on the call: it has a prompt, and is carried out."""
    call, wire = plan.call, plan.wire
    if wire is None or call.method != "POST" or not plan.carried_out:
        return False
    return wire.prompt_tokens(call) > 0


def slots_of(plan: Plan) -> int | None:
    """How many calls the route of a plan answers at a time; None for any number."""
    route = plan.found.route
    load = route.pacing.load if route is not None else None
    return None if load is None else load.load.slots


def tokens_of(plan: Plan) -> int:
    """The tokens of the prompt, and of the whole answer, which a call may need in the end."""
    prompt = plan.wire.prompt_tokens(plan.call) if plan.wire is not None else 0
    return prompt + (plan.script.tokens if plan.script is not None else 0)
