"""What is read from a response while it arrives is what is read from its recording."""

from __future__ import annotations

import gzip
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockllm.cassettes.arriving import Arriving
from mockllm.cassettes.cassette import Ending, Piece, Recording
from mockllm.cassettes.playing import Playable
from mockllm.cassettes.response import Framing
from mockllm.timeline.events import AUTO, Extra, Frame, Head, Message

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
EVENTS = b": hi\n\n" + b"".join(
    b'data: {"choices":[{"delta":{"content":"w%d"}}]}\n\n' % number for number in range(3)
)
PACKED = gzip.compress(EVENTS)
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
RESPONSES = {
    "stream": STREAM + CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(EVENTS), EVENTS),
    "until the end": STREAM + b"\r\n" + EVENTS + b"data: torn",
    "of a length": STREAM + b"content-length: %d\r\n\r\n" % len(EVENTS) + EVENTS,
    "packed": STREAM + b"content-encoding: gzip\r\n" + CHUNKED
    + b"%x\r\n%b\r\n0\r\n\r\n" % (len(PACKED), PACKED),
    "document": b'HTTP/1.1 503 No\r\ncontent-length: 7\r\n\r\n{"n":1}',
    "interim": b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "no HTTP": b"SSH-2.0\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-",
}  # fmt: skip


@example("interim", [], 1)
@given(
    st.sampled_from(sorted(RESPONSES)),
    st.lists(st.integers(1, 400), max_size=5),
    st.sampled_from((0, 1, 9, 40)),
)
def test_arriving_is_recorded(name: str, cuts: list[int], missing: int) -> None:
    """However it is torn, and wherever it is cut off."""
    data = RESPONSES[name][: len(RESPONSES[name]) - missing]
    bounds = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    parts = [data[start:stop] for start, stop in pairwise(bounds)]
    arriving = Arriving("POST", holds=lambda head, framing: framing == "length")
    came = [message for part in parts for message in arriving.feed(part)]
    whole = arriving.reader.complete or (
        arriving.reader.head is not None and arriving.reader.framing == "close"
    )
    ending: Ending = "complete" if whole else "fin"
    came += arriving.end(complete=whole)
    recording = Recording(tuple(Piece(at, part) for at, part in enumerate(parts)), ending, 99)
    assert joined(came) == joined([one.message for one in Playable(recording).timed])


def joined(messages: list[Message]) -> list[Message]:
    """Bytes that are no frame, in one where they stand together."""
    out: list[Message] = []
    for one in messages:
        if out and isinstance(one, Extra) and isinstance(out[-1], Extra):
            out[-1] = Extra(out[-1].data + one.data)
        elif one != Extra(b""):
            out.append(one)
    return out


def test_a_head_that_waits() -> None:
    """It tells the length anew, but not of a body that was cut."""

    def length(data: bytes) -> str | None:
        arriving = Arriving("POST", holds=lambda head, framing: True)
        assert arriving.feed(data) == []
        assert arriving.holding
        head = arriving.end(complete=arriving.reader.complete)[0]
        assert isinstance(head, Head)
        return head.get("content-length")

    assert length(RESPONSES["document"]) == AUTO
    assert length(RESPONSES["document"][:-1]) == "7"


def test_packed_and_left_so() -> None:
    """A body that nobody looks into, or can unpack, has no frames."""
    for coding, unpacks in (("gzip", False), ("br", True)):
        head = b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: 3\r\n\r\n"
        came = Arriving("POST", unpacks=unpacks).feed(head % coding.encode() + b"abc")
        assert [type(one) for one in came] == [Head, Extra]


@pytest.mark.parametrize("holds", [True, False])
def test_the_limit(holds: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger is no document; what is held back says so."""
    monkeypatch.setattr("mockllm.cassettes.arriving.MAX_HELD", 5)

    def always(head: Head, framing: Framing) -> bool:
        return holds

    arriving = Arriving("POST", holds=always)
    came = arriving.feed(RESPONSES["document"])
    assert arriving.over_limit
    if not holds:
        assert came[1:] == [Extra(b'{"n":1}')]
        assert not any(isinstance(one, Frame) for one in arriving.end(complete=True))
