"""The marks of a call: what the server did, on one axis of time with the client."""

from __future__ import annotations

from itertools import pairwise

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


def test_pauses_between_bytes_move_what_comes_after() -> None:
    """Frames that are split leave as late as their pieces before, not where the timeline has them."""
    split = "mockllm: 1\nscript: {words: 3}\nfaults: [{encode: {split: {bytes: 10, gap: 10ms}}}]"
    with MockLLM(split) as server, connected(server.url) as raw:
        raw.send(chat(close=True))
        raw.read_all()
        server.settle()
        (entry,) = server.calls
        marks = marks_of(entry, 0.0, 100.0)
    frames = [mark.time - entry.at for mark in marks if mark.kind == "frame"]
    assert len(frames) > 3
    assert all(b - a >= 0.05 for a, b in pairwise(frames))
    (end,) = (mark for mark in marks if mark.kind == "end")
    assert end.time - entry.at > frames[-1]
