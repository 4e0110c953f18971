"""The plan of one call, from all that it depends on.

A pure function of the call, the profile and the visit. The server plays what it returns and
`mockllm plan` prints it; they cannot differ.
"""

from __future__ import annotations

from mockllm.engine.answer import Answer
from mockllm.engine.case import Case
from mockllm.engine.draft import draft, occasions
from mockllm.engine.plan import Plan, hastened
from mockllm.engine.repeat import Repeats
from mockllm.engine.replaying import numbered
from mockllm.engine.upload import Stage, stages
from mockllm.timeline.events import Close
from mockllm.timeline.framing import Lowered, lower
from mockllm.timeline.valueclass import replace


def make_plan(case: Case, repeats: Repeats | None = None) -> Plan:
    """Script, wire, pacing, faults and framing, in this order; `repeats` shortens the way where requests
    are alike, and changes nothing."""
    route = case.found.route
    if route is not None and route.script.scopes:
        case = replace(case, call=numbered(case.call, case.visit.tallies, case.visit.ordinal))
    answer = draft(case) if repeats is None else repeats.answer(case)
    return Plan(
        case.call, case.name, case.found, case.visit, answer, case.conditions.speed, case.wire
    )


def upload_plans(case: Case) -> tuple[tuple[Stage, Plan], ...]:
    """What happens while the body of a request arrives, of which only the head is known."""
    exchange, speed = case.exchange, case.conditions.speed
    faults = case.found.route.faults if case.found.route else ()
    made = []
    for stage in stages(faults, occasions(case), exchange):
        lowered = hastened(lower(stage.steps, date=exchange.here.date), speed)
        match lowered.events:
            # With unread input a close would be a reset; the handler closes when it has read on.
            case (*_, Close(how="fin")):
                lowered = Lowered(lowered.events[:-1], lowered.origin[:-1])
        made.append(
            (
                stage,
                Plan(
                    case.call,
                    case.name,
                    case.found,
                    case.visit,
                    Answer(None, stage.steps, stage.reports, lowered, faults),
                    speed,
                ),
            )
        )
    return tuple(made)
