"""The workloads, one a file, in the order in which they run."""

from __future__ import annotations

from tests.bench.workload import Workload
from tests.bench.workloads import (
    capacity,
    cold,
    crosscheck,
    faults,
    held,
    kit,
    limit,
    others,
    paced,
    prompts,
    routes,
    unpaced,
    upkeep,
    whole,
)

ALL: dict[str, Workload] = {
    work.name: work
    for work in (
        limit.WORK,
        *paced.WORKS,
        *capacity.WORKS,
        *unpaced.WORKS,
        *others.WORKS,
        *whole.WORKS,
        prompts.WORK,
        prompts.BESIDE,
        held.WORK,
        routes.WORK,
        faults.WORK,
        upkeep.WORK,
        cold.WORK,
        kit.WORK,
        crosscheck.WORK,
    )
}
