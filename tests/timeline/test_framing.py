"""Message timelines become these bytes, and h11 reads the same body back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.timeline.encoding import dress, encode
from mockllm.timeline.events import (
    AUTO,
    FOREVER,
    Close,
    End,
    Extra,
    Frame,
    Head,
    Message,
    Wait,
    WireEvent,
    Write,
)
from mockllm.timeline.framing import Lowered, lower
from mockllm.timeline.slots import Encoder, Step
from tests.timeline.oracle import read, written
from tests.timeline.samples import DONE, ENDLESS, ROLE, STREAM, WHOLE, body, content, script

DATE = "Sat, 21 Nov 2026 08:00:00 GMT"


def lowered(*events: Message, body_allowed: bool = True) -> Lowered:
    """A script without faults, lowered."""
    return lower(tuple(map(Step, events)), date=DATE, body_allowed=body_allowed)


def test_an_event_stream_is_one_chunk_a_frame() -> None:
    """Each frame is dressed as a server-sent event and is one chunk in one write."""
    assert lowered(*script(1)) == Lowered(
        (
            Write(
                b"HTTP/1.1 200 OK\r\n"
                b"content-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            ),
            Write(b'1c\r\ndata: {"role":"assistant"}\n\n\r\n'),
            Write(b'f\r\ndata: {"n":1}\n\n\r\n'),
            Write(b'19\r\ndata: {"finish":"stop"}\n\n\r\n'),
            Write(b"e\r\ndata: [DONE]\n\n\r\n"),
            Write(b"0\r\n\r\n"),
        ),
        (0, 1, 2, 3, 4, 5),
    )


def test_a_document_has_its_length() -> None:
    """With content-length the body is sent as it is, and the length is filled in at its place."""
    head = Head(200, (("Content-Length", AUTO), ("date", AUTO), ("x", "y")))
    frames = (Frame(("body",), b"{}"), Frame(("body",), "é".encode()))
    assert lowered(head, *frames, End()).events == (
        Write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
            b"date: Sat, 21 Nov 2026 08:00:00 GMT\r\nx: y\r\n\r\n"
        ),
        Write(b"{}"),
        Write("é".encode()),
    )


def test_a_body_without_length_ends_with_the_connection() -> None:
    """With neither length nor chunks the end of the body is a FIN, and the answer is whole."""
    assert lowered(ENDLESS, DONE, End()).events == (
        Write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"),
        Write(b"data: [DONE]\n\n"),
        Close("fin", complete=True),
    )


def test_connection_close_is_kept() -> None:
    """A head that announces the end of the connection is followed by it."""
    head = Head(200, (*WHOLE.headers, ("connection", "close")))
    assert lowered(head, End()).events[-1] == Close("fin", complete=True)


def test_an_end_before_the_head_closes_the_connection() -> None:
    """No body can end before there is a head, so the connection does."""
    assert lowered(End(), *script(1)).events == (Close("fin", complete=True),)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (Head(503, ()), b"HTTP/1.1 503 Service Unavailable"),
        # Python 3.13 calls these four otherwise.
        (Head(413, ()), b"HTTP/1.1 413 Request Entity Too Large"),
        (Head(414, ()), b"HTTP/1.1 414 Request-URI Too Long"),
        (Head(416, ()), b"HTTP/1.1 416 Requested Range Not Satisfiable"),
        (Head(422, ()), b"HTTP/1.1 422 Unprocessable Entity"),
        (Head(529, ()), b"HTTP/1.1 529 "),
        (Head(413, (), "Payload Too Large"), b"HTTP/1.1 413 Payload Too Large"),
        (Head(200, (), ""), b"HTTP/1.1 200 "),
    ],
)
def test_status_line(head: Head, line: bytes) -> None:
    """The reason is the one given, else the standard one, else empty."""
    first = lowered(head).events[0]
    assert isinstance(first, Write)
    assert first.data.split(b"\r\n")[0] == line


def test_header_values_are_sent_as_they_are() -> None:
    """Only length and date are filled in; a character outside Latin-1 becomes a question mark."""
    head = Head(200, (("X-A", AUTO), ("x-b", "é"), ("x-c", "€"), ("date", "then")))
    assert lowered(head).events == (
        Write(b"HTTP/1.1 200 OK\r\nX-A: {auto}\r\nx-b: \xe9\r\nx-c: ?\r\ndate: then\r\n\r\n"),
    )


@pytest.mark.parametrize(
    ("frame", "stream", "data"),
    [
        (Frame(("body",), b"{}"), False, b"{}"),
        (Frame(("content",), b"{}"), True, b"data: {}\n\n"),
        (Frame(("content",), b"{}", event="ping"), True, b"event: ping\ndata: {}\n\n"),
        (Frame(("body",), b"{}", event="ping"), False, b"{}"),
        (Frame(("content",), b"{}", spaced=False), True, b"data:{}\n\n"),
        (Frame(("content",), b"{}", event="ping", spaced=False), True, b"event:ping\ndata:{}\n\n"),
    ],
)
def test_dress(frame: Frame, stream: bool, data: bytes) -> None:
    """Only a stream dresses its frames, with the event's name where there is one; the space behind
    the colons is optional."""
    assert dress(frame, stream=stream) == data


def test_extra_bytes_are_framed_but_not_dressed() -> None:
    """A comment is one chunk of its own; an empty unit is nothing, for it would end the body."""
    events = lowered(STREAM, Extra(b": ping\n\n"), Extra(b""), End()).events
    assert events[1:] == (Write(b"8\r\n: ping\n\n\r\n"), Write(b"0\r\n\r\n"))


def test_waits_and_closes_stay() -> None:
    """What is no byte goes through unchanged, and each event knows the step that it came from."""
    made = lower(
        (
            Step(Wait(1.0, paced=True)),
            Step(STREAM),
            Step(None, (0,)),
            Step(Wait(2.0)),
            Step(ROLE),
            Step(Close("rst")),
            Step(DONE),
        ),
        date=DATE,
    )
    assert made.events[0] == Wait(1.0, paced=True)
    assert made.events[2:] == (
        Wait(2.0),
        Write(b'1c\r\ndata: {"role":"assistant"}\n\n\r\n'),
        Close("rst"),
    )
    assert made.origin == (0, 1, 3, 4, 5)


@pytest.mark.parametrize(
    ("head", "end"),
    [(STREAM, ()), (WHOLE, ()), (ENDLESS, (Close("fin", complete=True),))],
)
def test_an_answer_to_head_has_no_body(head: Head, end: tuple[WireEvent, ...]) -> None:
    """HEAD gets the head of the GET, its length included, and nothing behind it."""
    full, bare = lowered(head, DONE, End()), lowered(head, DONE, End(), body_allowed=False)
    assert bare.events == (full.events[0], *end)


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body(status: int) -> None:
    """204 and 304 have no body, whatever the script says."""
    head = Head(status, STREAM.headers)
    assert len(lowered(head, DONE, End()).events) == 1


def test_the_length_covers_what_a_close_keeps_back() -> None:
    """A cut body is shorter than it was announced; a clean end makes the length fit."""
    one, two = Frame(("body",), b"12"), Frame(("body",), b"345")
    cut = written(lowered(WHOLE, one, Close("fin"), two, End()).events)
    assert cut.endswith(b"content-length: 5\r\n\r\n12")
    assert read(cut).complete is False
    clean = written(lowered(WHOLE, one, End(), two, End()).events)
    assert clean.endswith(b"content-length: 2\r\n\r\n12")
    assert read(clean).complete is True


def test_nothing_follows_a_wait_forever() -> None:
    """The events of a script that never goes on end with the wait."""
    assert lowered(STREAM, Wait(FOREVER), DONE, End()).events[1:] == (Wait(FOREVER),)


class Twice(Encoder):
    """An encoder that doubles bytes and writes each of them on its own, with gaps."""

    def dress(self, data: bytes, frame: Frame) -> bytes:
        """Every byte twice."""
        return bytes(byte for byte in data for _ in range(2))

    def cut(self, data: bytes) -> Sequence[bytes | Wait]:
        """Two halves."""
        return (data[: len(data) // 2], Wait(0.5), data[len(data) // 2 :])


def test_encoders_dress_first_and_cut_then() -> None:
    """All encoders dress the frame before any cuts it, and waits between the cuts are kept."""
    frame = Frame(("body",), b"ab")
    sequence = (Step(WHOLE), Step(frame, encoders=(Twice(), Twice())), Step(End()))
    made = lower(encode(sequence), date=DATE)
    assert made.events[1:] == (
        Write(b"aa", apart=True),
        Wait(0.5),
        Write(b"aa", apart=True),
        Wait(0.5),
        Write(b"bb", apart=True),
        Wait(0.5),
        Write(b"bb", apart=True),
    )
    assert made.origin[1:] == (1,) * 7
    assert b"content-length: 8\r\n" in written(made.events)


PAYLOADS = st.lists(st.binary(max_size=40).filter(lambda data: b"\n" not in data), max_size=6)


@given(PAYLOADS)
def test_h11_reads_chunks_back(payloads: list[bytes]) -> None:
    """Any frames in chunks: h11 finds one chunk a frame, the same bytes and the proper end."""
    found = read(
        written(lowered(STREAM, *(Frame(("x",), data) for data in payloads), End()).events)
    )
    assert found.chunks == tuple(b"data: " + data + b"\n\n" for data in payloads)
    assert found.complete is True


@given(PAYLOADS)
def test_h11_reads_a_length_back(payloads: list[bytes]) -> None:
    """Any bodies with a length: h11 finds the same bytes and the proper end."""
    found = read(written(lowered(*body(*payloads)).events))
    assert (found.body, found.complete) == (b"".join(payloads), True)


@given(PAYLOADS)
def test_h11_reads_to_the_end_of_the_connection(payloads: list[bytes]) -> None:
    """Any body without a length: it ends with the connection and not before."""
    events = lowered(ENDLESS, *(Frame(("x",), data) for data in payloads), End()).events
    data = written(events)
    assert read(data).complete is False
    found = read(data, closed=True)
    assert found.body == b"".join(b"data: " + data + b"\n\n" for data in payloads)
    assert found.complete is True
    assert events[-1] == Close("fin", complete=True)


@pytest.mark.parametrize("head", [STREAM, WHOLE])
def test_h11_reads_an_answer_to_head(head: Head) -> None:
    """h11 takes the answer to HEAD as whole."""
    data = written(lowered(head, content(1), End(), body_allowed=False).events)
    assert read(data, method="HEAD").complete is True


def test_h11_reads_the_head() -> None:
    """Status, reason, names, order and case of headers arrive as they were written."""
    head = Head(503, (("X-One", "1"), ("content-length", AUTO), ("x-one", "2")), "Tired")
    found = read(written(lowered(head, End()).events))
    assert (found.status, found.reason, found.headers) == (
        503,
        b"Tired",
        ((b"X-One", b"1"), (b"content-length", b"0"), (b"x-one", b"2")),
    )
