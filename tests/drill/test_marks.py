"""The marks of a call: what the server did, on one axis of time with the client."""

from __future__ import annotations

from mockllm import MockLLM
from mockllm.drill.marks import marks_of
from tests.server.raw import chat, connected

STALL = "mockllm: 1\nfaults: [{stall: forever}]"


def test_a_silence_that_has_not_ended_lasts_until_now() -> None:
    """A gateway may hold its call when the drill has given it up: the silence is what is seen."""
    with MockLLM(STALL) as server, connected(server.url) as raw:
        raw.send(chat())
        for _ in range(6):  # the role and five pieces of text
            raw.read_until(b"\n\n\r\n")
        (entry,) = server.calls
        marks = marks_of(entry, 100.0, 100.0 + entry.at + 20)
    silence = marks[-1]
    assert (silence.kind, silence.text) == ("wait", "wait forever <- stall: forever")
    assert silence.until - silence.time == 20
    assert {mark.until - mark.time for mark in marks[:-1]} == {0}
