"""LiteLLM's log of calls that were not read to the end: `python -m tests.stories.langfuse`."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from mockllm import MockLLM
from mockllm.engine.calls import Calls
from tests.parts.installed import need
from tests.stories.page import draw, installed, table, write
from tests.stories.picture import Bar, of_calls, svg

INCIDENT = "litellm-langfuse-break-early"
CALLBACKS = {"litellm-1.64": "langfuse", "litellm-otel": "langfuse_otel"}
"""The parts, and how LiteLLM reports to Langfuse in each."""
WAYS = ("break", "close", "drain")
"""How the answers are read; the last is reported, which tells that the others were not."""
GUARD = 120.0
POLL = 0.02
PROGRAM = Path(__file__).parent / "programs/litellm_consumer.py"


class Read(NamedTuple):
    """What a consumer saw of an answer, and when, in seconds since the start."""

    way: str
    text: str
    begin: float
    end: float


class Run(NamedTuple):
    """What happened."""

    read: dict[str, Read]
    calls: Calls

    @property
    def whole(self) -> str:
        """The whole answer."""
        return self.calls.where(wire="openai.chat")[0].whole_text

    def reports(self, way: str) -> int:
        """How many reports have the question that was read in this way."""
        return len(reports(self.calls, way))


def reports(calls: Calls, way: str) -> Calls:
    """The reports of a question; JSON and OTLP's protobuf both hold its text as it is."""
    question = f"way: {way}".encode()
    return Calls(one for one in calls.where(wire="sink") if question in one.plan.call.body)


def run(part: str) -> Run:
    """Ask three questions, read the answers in three ways, and wait for the report of the last."""
    command = [need(part), str(PROGRAM), CALLBACKS[part], *WAYS]
    others = {"PYTHONPATH", "PYTHONHOME"}  # that environment has its own packages
    kept = {name: value for name, value in os.environ.items() if name not in others}
    with MockLLM(INCIDENT, paced=True) as mock, tempfile.TemporaryFile("w+") as log:
        start = time.monotonic()
        mock.clear()
        program = subprocess.Popen(
            [*command[:2], mock.url, *command[2:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**kept, "NO_PROXY": "*"},
        )
        try:
            assert program.stdout is not None
            told = program.stdout.readline()
            reported = bool(told) and wait_for_report(mock)
            program.communicate(timeout=GUARD)  # what it has still to report, it reports now
        finally:
            program.kill()
            program.wait()
        log.seek(0)
        assert reported, log.read()[-4000:]
        mock.settle()
        read = [Read(**one) for one in json.loads(told)]
        shifted = [one._replace(begin=one.begin - start, end=one.end - start) for one in read]
        return Run({one.way: one for one in shifted}, mock.calls)


def wait_for_report(mock: MockLLM) -> bool:
    """Return when the last question was reported; false where it was not."""
    give_up = time.monotonic() + GUARD
    while time.monotonic() < give_up:
        if reports(mock.calls, WAYS[-1]):
            return True
        time.sleep(POLL)
    return False


def bars(part: str, happened: Run) -> list[Bar]:
    """The run as it is drawn: seconds since the first question."""
    start = min(one.begin for one in happened.read.values())
    consumer = [
        Bar(
            f"{part}: consumer",
            one.begin,
            one.end,
            one.way,
            "good" if happened.reports(way) else "bad",
        )
        for way, one in happened.read.items()
    ]
    model = of_calls(f"{part}: model", happened.calls.where(wire="openai.chat"))
    sink = [
        bar._replace(text="/".join(way for way in WAYS if one in reports(happened.calls, way)))
        for one in happened.calls.where(wire="sink", method="POST")
        for bar in of_calls(f"{part}: Langfuse", Calls([one]))
    ]
    drawn = [*consumer, *model, *sink]
    return [
        bar._replace(begin=bar.begin - start, end=None if bar.end is None else bar.end - start)
        for bar in drawn
    ]


def main() -> None:
    """Write the page's table and picture."""
    runs = {part: run(part) for part in CALLBACKS}
    rows = [
        [
            f"`{way}`",
            *(
                f"{len(one.read[way].text.split())} of 60 words, {logged(one, way)}"
                for one in runs.values()
            ),
        ]
        for way in WAYS
    ]
    header = [
        f"{installed(part).split(', ')[0]}, callback `{callback}`"
        for part, callback in CALLBACKS.items()
    ]
    write("langfuse", "measured", table(["", *header], rows))
    drawn = [bar for part, one in runs.items() for bar in bars(part, one)]
    draw("langfuse", svg("Three answers, read in three ways: one is reported", drawn))


def logged(happened: Run, way: str) -> str:
    """Whether a question was reported."""
    return "in the log" if happened.reports(way) else "**not in the log**"


if __name__ == "__main__":
    main()
