"""docs/clients.md: what official clients make of errors and faults.

    .ci/parts && python -m tests.parts.clients.table

It asks every client anew, so the table is of the versions that are installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from mockllm.scripts.named import CANONICAL
from tests.parts.clients.measure import (
    FAULTS,
    MID_STREAM,
    REFUSED,
    Case,
    Outcomes,
    error_is_text,
    measure,
    serving,
)
from tests.parts.clients.run import CLIENTS
from tests.sdk.drive import Outcome

TABLE = Path(__file__).parents[3] / "docs" / "clients.md"

ABOUT = """\
# What clients make of it

Each client below was asked through a real socket, without retries, by the programs in
`tests/parts/clients`. All of them get the whole canonical text and both tool calls of `tools2`,
streamed and not, and are well after the faults. `pytest -m parts` demands that again.

This page is generated: `.ci/parts && python -m tests.parts.clients.table`.
"""

ERRORS = """\
## Errors before the answer

The named fault `fail` with 400, 401, 429 and 503 in each shape of `mockllm list shapes`; 401 and 503
for a stream. A client that does not lose the status raises an error of its own with it.
"""

STREAMS = """\
## Faults in the middle of a stream

The named faults, after five words. *n words* is what the caller has in hands; then the error, or
`no error` and the finish reason: an answer without either passes for a whole one unless the caller
looks.
"""


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def heading(*cells: str) -> Iterator[str]:
    """The first two lines of a table."""
    yield row(cells)
    yield row("---" for _ in cells)


def end_of(outcome: Outcome) -> str:
    """What a caller has in hands after a fault."""
    words = "whole" if outcome.text == CANONICAL else f"{len(outcome.text.split())} words"
    if outcome.error is None:
        finish = f"`{outcome.finish}`" if outcome.finish else "none"
        return f"{words}, no error, finish {finish}"
    status = f" {outcome.status}" if outcome.status else ""
    return f"{words}, `{outcome.error}`{status}"


def errors_of(outcomes: Outcomes, status: int) -> str:
    """The exceptions that a status comes to."""
    found = {
        outcomes[case].error or "" for (_, one), case in REFUSED.items() if one == status
    } - lost_errors(outcomes)
    return ", ".join(f"`{name}`" for name in sorted(found))


def lost_errors(outcomes: Outcomes) -> set[str]:
    """The exceptions without the status."""
    return {outcomes[case].error or "" for case in lost_cases(outcomes)}


def lost_cases(outcomes: Outcomes) -> set[Case]:
    """The refusals that a client loses the status of."""
    return {case for (_, status), case in REFUSED.items() if outcomes[case].status != status}


def lost(outcomes: Outcomes, texts: set[Case]) -> str:
    """For which bodies a client loses the status."""
    cases = lost_cases(outcomes)
    if not cases:
        return "none"
    errors = ", ".join(f"`{name}`" for name in sorted(lost_errors(outcomes)))
    where = (
        "`error` is a text" if cases <= texts else ", ".join(sorted(case.profile for case in cases))
    )
    return f"{where}: {errors}"


def page() -> str:
    """The whole page."""
    with TemporaryDirectory() as folder, serving(Path(folder)) as server:
        texts = {case for case in REFUSED.values() if error_is_text(server.url, case)}
        found = {name: measure(client, server.url) for name, client in CLIENTS.items()}
    statuses = sorted({status for _, status in REFUSED})
    lines = [ABOUT, ERRORS, *heading("Client", "Versions", *map(str, statuses), "Status lost")]
    for name, outcomes in found.items():
        errors = [errors_of(outcomes, status) for status in statuses]
        lines.append(row([name, CLIENTS[name].versions(), *errors, lost(outcomes, texts)]))
    lines += ["", STREAMS, *heading("Client", *(f"`{fault}`" for fault in FAULTS))]
    for name, outcomes in found.items():
        lines.append(row([name, *(end_of(outcomes[MID_STREAM[fault]]) for fault in FAULTS)]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(page(), "utf-8")
