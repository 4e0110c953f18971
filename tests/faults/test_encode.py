"""Each encoding: these bytes, and to a reader that follows the standards the same meaning."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.faults.apply import AnyFault
from mockllm.timeline.events import (
    AUTO,
    FOREVER,
    Beat,
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
from mockllm.timeline.framing import lower
from tests.faults.exchange import applied, fault, reasons
from tests.timeline.oracle import Read, read, written
from tests.timeline.samples import DONE, ENDLESS, ROLE, STREAM, WHOLE, body, content, script
from tests.timeline.sse import Event, parse

C1, C2 = content(1), content(2)
JSON = body(b'{"a":1,"b":"\xc3\xa9"}')


def wire(events: Sequence[Message], *faults: AnyFault) -> tuple[WireEvent, ...]:
    """What the socket does."""
    return lower(applied(events, *faults)[0], date="now").events


def got(events: Sequence[Message], *faults: AnyFault) -> Read:
    """What h11 reads."""
    made = wire(events, *faults)
    return read(written(made), closed=Close("fin", complete=True) in made)


def chunks(events: Sequence[Message], *faults: AnyFault) -> tuple[bytes, ...]:
    """The chunks of the body."""
    return got(events, *faults).chunks


def encode(value: Any, **keys: Any) -> AnyFault:
    """One encoding."""
    return fault(encode=value, **keys)


SHORT = (STREAM, C1, DONE, End())
ONE, LAST = b'data: {"n":1}\n\n', b"data: [DONE]\n\n"
WIDE = (STREAM, Frame(("content",), '{"a":"é","b":[1,2]}'.encode()), DONE, End())


@pytest.mark.parametrize(
    ("value", "keys", "made"),
    [
        ({"newline": "lf"}, {}, (ONE, LAST)),
        ({"newline": "crlf"}, {}, (b'data: {"n":1}\r\n\r\n', b"data: [DONE]\r\n\r\n")),
        ({"newline": "cr"}, {}, (b'data: {"n":1}\r\r', b"data: [DONE]\r\r")),
        ({"newline": "mixed"}, {}, (b'data: {"n":1}\r\n\n', b"data: [DONE]\r\n\n")),
        ({"newline": "crlf"}, {"at": "done"}, (ONE, b"data: [DONE]\r\n\r\n")),
        ("no-space", {}, (b'data:{"n":1}\n\n', b"data:[DONE]\n\n")),
        ({"id": 7}, {}, (b"id: 7\n" + ONE, b"id: 7\n" + LAST)),
        ({"event": "delta"}, {"at": "content 1"}, (b"event: delta\n" + ONE, LAST)),
        ("bom", {}, (b"\xef\xbb\xbf" + ONE, LAST)),
        ({"terminator": False}, {}, (ONE, b"data: [DONE]")),
        ({"terminator": False}, {"at": "content 1"}, (b'data: {"n":1}', LAST)),
        ({"merge": 2}, {}, (ONE + LAST,)),
        ({"merge": 3}, {}, (ONE + LAST,)),
        ({"split": {}}, {"at": "done"}, (ONE, *(bytes([byte]) for byte in LAST))),
        ({"split": {"bytes": 8}}, {}, (b'data: {"', b'n":1}\n\n', b"data: [D", b"ONE]\n\n")),
        ({"split": {"at": "before-blank-line"}}, {}, (ONE[:-1], b"\n", LAST[:-1], b"\n")),
        ({"split": {"at": "after-cr"}}, {}, (ONE, LAST)),
    ],
)
def test_the_frames_of_a_stream(value: Any, keys: dict[str, Any], made: tuple[bytes, ...]) -> None:
    """The chunks of a short stream, byte by byte."""
    assert chunks(SHORT, encode(value, **keys)) == made
    assert reasons(SHORT, encode(value, **keys)) == [None]


@pytest.mark.parametrize(
    ("newline", "at", "made"),
    [
        ("crlf", "after-cr", (b"data: [DONE]\r", b"\n\r\n")),
        ("cr", "after-cr", (b"data: [DONE]\r", b"\r")),
        ("mixed", "after-cr", (b"data: [DONE]\r", b"\n\n")),
        ("crlf", "before-blank-line", (b"data: [DONE]\r\n", b"\r\n")),
        ("cr", "before-blank-line", (b"data: [DONE]\r", b"\r")),
        ("mixed", "before-blank-line", (b"data: [DONE]\r\n", b"\n")),
        ("lf", "before-blank-line", (b"data: [DONE]\n", b"\n")),
    ],
)
def test_cuts_at_line_ends(newline: str, at: str, made: tuple[bytes, ...]) -> None:
    """One cut, behind the first CR or before the blank line, whatever the line ends are."""
    faults = [encode({"newline": newline}), encode({"split": {"at": at, "gap": "1ms"}})]
    assert chunks((STREAM, DONE, End()), *faults) == made
    assert Wait(0.001) in wire((STREAM, DONE, End()), *faults)


@pytest.mark.parametrize(
    ("lines", "made"),
    [
        (2, b'data: {"a":"\xc3\xa9",\ndata: "b":[1,2]}\n\n'),
        (3, b'data: {"a":"\xc3\xa9",\ndata: "b":[1,\ndata: 2]}\n\n'),
        (9, b'data: {"a":"\xc3\xa9",\ndata: "b":[1,\ndata: 2]}\n\n'),
    ],
)
def test_several_lines_of_data(lines: int, made: bytes) -> None:
    """A payload is broken behind commas, as often as there are any; [DONE] stays in one line."""
    assert chunks(WIDE, encode({"multi-line": lines})) == (made, LAST)


def test_characters_are_cut() -> None:
    """Each character of several bytes comes in two chunks, and no byte is lost."""
    frame = Frame(("content",), "aé€😀".encode())
    made = chunks((STREAM, frame, End()), encode("utf8-split"))
    assert made == (b"data: a\xc3", b"\xa9\xe2", b"\x82\xac\xf0", b"\x9f\x98\x80\n\n")


def test_merged_frames_wait_for_their_group() -> None:
    """A group is written with its last frame; what a close cuts off was never sent."""
    merge = encode({"merge": 2})
    assert chunks(script(3), merge) == (
        b'data: {"role":"assistant"}\n\n' + ONE,
        b'data: {"n":2}\n\ndata: {"n":3}\n\n',
        b'data: {"finish":"stop"}\n\n' + LAST,
    )
    clean = fault(close="clean", at="after content 2")
    assert chunks(script(3), merge, clean)[1:] == (b'data: {"n":2}\n\n',)
    comment = fault(send={"comment": "c"}, at="after content 2")
    assert chunks(script(3), merge, comment)[1:] == (
        b'data: {"n":2}\n\n: c\n\ndata: {"n":3}\n\n',
        b'data: {"finish":"stop"}\n\n' + LAST,
    )
    cut = fault(close="fin", at="after content 2")
    sequence, _ = applied(script(3), merge, cut)
    assert [step.event for step in sequence if isinstance(step.event, Frame)] == [ROLE, C1]
    assert chunks(script(3), merge, cut) == (b'data: {"role":"assistant"}\n\n' + ONE,)


@pytest.mark.parametrize(
    "value",
    [{"newline": "crlf"}, "no-space", {"multi-line": 2}, {"id": "1"}, {"event": "e"}, {"terminator": False}],
)  # fmt: skip
def test_what_is_for_streams_leaves_documents_alone(value: Any) -> None:
    """A JSON document has no lines, names or ids to change."""
    assert got(JSON, encode(value, at="body")) == got(JSON)


def test_a_document_with_a_byte_order_mark() -> None:
    """The mark stands before the JSON and is counted."""
    assert got(JSON, encode("bom")).body == b"\xef\xbb\xbf" + got(JSON).body


def test_a_document_as_an_event_stream() -> None:
    """The type says stream, chunks replace the length, and the document is the one event."""
    made = got(JSON, encode("json-as-sse"))
    assert made.headers == (
        (b"content-type", b"text/event-stream"),
        (b"transfer-encoding", b"chunked"),
    )
    assert parse(made.body) == [Event('{"a":1,"b":"é"}')]
    assert got(SHORT, encode("json-as-sse")) == got(SHORT)


# gzip


def unpacked(data: bytes) -> bytes:
    """What can be read of compressed bytes so far."""
    return zlib.decompressobj(31).decompress(data)


GZIP = (b"content-encoding", b"gzip")


def test_gzip_with_flushes() -> None:
    """Each frame can be read as soon as its chunk is there, and the whole is a whole gzip file."""
    made = got(script(3), encode({"gzip": "flushed"}))
    assert made.headers[-1] == GZIP
    plain = chunks(script(3))
    for number in range(1, len(plain) + 1):
        assert unpacked(b"".join(made.chunks[:number])) == b"".join(plain[:number])
    whole = zlib.decompressobj(31)
    assert whole.decompress(made.body) == b"".join(plain)
    assert whole.eof


def test_gzip_without_flushes() -> None:
    """Nothing can be read before the end, and then all of it."""
    made = got(script(3), encode({"gzip": "unflushed"}))
    assert made.headers[-1] == GZIP
    assert unpacked(b"".join(made.chunks[:-1])) == b""
    assert unpacked(made.body) == got(script(3)).body


def test_gzip_counts_what_is_sent() -> None:
    """Content-Length is the compressed size; an early clean end is a whole gzip file too."""
    assert unpacked(got(JSON, encode({"gzip": "flushed"})).body) == got(JSON).body
    clean = fault(close="clean", at="after content 1")
    made = got(script(3), encode({"gzip": "flushed"}), clean)
    whole = zlib.decompressobj(31)
    assert parse(whole.decompress(made.body))[-1] == Event('{"n":1}')
    assert whole.eof


def test_gzip_leaves_what_stands_before_the_head() -> None:
    """An interim response is no part of the body."""
    interim = fault(send={"interim": 103})
    made = written(wire(SHORT, interim, encode({"gzip": "flushed"})))
    assert made.startswith(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("how", ["flushed", "unflushed"])
def test_heartbeats_are_compressed_too(how: str) -> None:
    """A comment while a wait lasts stands in the compressed stream, where it was sent."""
    ping = fault(wait={"ping": "1s", "for": "2500ms"}, at="after content 1")
    made = wire(SHORT, encode({"gzip": how}), ping)
    assert sum(event.seconds for event in made if isinstance(event, Wait)) == 2.5
    assert unpacked(read(written(made)).body) == ONE + b": ping\n\n" * 2 + LAST


def test_heartbeats_without_end_are_compressed_too() -> None:
    """The same compressed bytes mean the same comment, however often they come."""
    ping = fault(wait={"ping": "1s"}, at="after content 1")
    *before, last = wire(SHORT, encode({"gzip": "flushed"}), ping)
    assert isinstance(last, Wait)
    assert last.beat is not None
    assert isinstance(last.beat.unit, Extra)
    data = written(tuple(before)) + last.beat.unit.data * 3
    assert unpacked(read(data).body) == ONE + b": ping\n\n" * 3
    assert wire(SHORT, encode({"gzip": "unflushed"}), ping)[-1] == Wait(FOREVER)


@pytest.mark.parametrize("byte", range(0, 60, 7))
def test_a_byte_of_a_compressed_body(byte: int) -> None:
    """A byte counts in the body as it is sent."""
    full = b"".join(chunks(SHORT, encode({"gzip": "flushed"})))
    for place, end in ((byte, byte), (-byte, len(full) - byte)):
        cut = fault(close="fin", at=f"byte {place}")
        made = written(wire(SHORT, encode({"gzip": "flushed"}), cut))
        assert read(made).body == (full[:end] if place else b"")


# Pace


def test_bandwidth() -> None:
    """Bits of a tenth of a second, each with its time."""
    made = wire(body(b"0123456789"), encode({"bandwidth": "40B/s"}))
    assert made[1:] == (
        Write(b"0123", apart=True), Wait(0.1), Write(b"4567", apart=True), Wait(0.1), Write(b"89", apart=True), Wait(0.05),
    )  # fmt: skip


def test_a_head_in_bits() -> None:
    """The head may be split too; it is no chunk."""
    made = wire(SHORT, encode({"split": {"bytes": 40, "gap": "1s"}}, at="head"))
    head = written(wire(SHORT)[:1])
    waits = [event for event in made if isinstance(event, Wait)]
    assert waits == [Wait(1.0)] * ((len(head) - 1) // 40)
    assert written(made) == written(wire(SHORT))


# Framing

CL = Head(200, (("a", "b"), ("Content-Length", AUTO), ("c", "d")))
TE = Head(200, (("a", "b"), ("Transfer-Encoding", "chunked"), ("c", "d")))
HI = Frame(("body",), b"0123456789ab")
CHUNKED, PLAIN = b"c\r\n0123456789ab\r\n0\r\n\r\n", b"0123456789ab"
TE_LINE = "transfer-encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("head", "value", "lines", "data", "ends"),
    [
        (CL, {"framing": "te+cl"}, TE_LINE + "content-length: 12\r\n", CHUNKED, False),
        (TE, {"framing": "te+cl"}, TE_LINE + "content-length: 12\r\n", CHUNKED, False),
        (CL, {"framing": "none"}, "", PLAIN, True),
        (TE, {"framing": "none"}, "", PLAIN, True),
        (CL, {"framing": "twice"}, "content-length: 12\r\n" * 2, PLAIN, False),
        (TE, {"framing": "twice"}, TE_LINE * 2, CHUNKED, False),
        (CL, {"content-length": "short"}, "content-length: 2\r\n", PLAIN, False),
        (TE, {"content-length": "short"}, "content-length: 2\r\n", PLAIN, False),
        (CL, {"content-length": "long"}, "content-length: 22\r\n", PLAIN, False),
        (CL, {"content-length": "both"}, "content-length: 12\r\ncontent-length: 22\r\n", PLAIN, False),
        (TE, {"content-length": 0}, "content-length: 0\r\n", PLAIN, False),
        (TE, {"content-length": 12}, "content-length: 12\r\n", PLAIN, False),
        (TE, {"chunk-size": "wrong"}, "Transfer-Encoding: chunked\r\n", b"d" + CHUNKED[1:], False),
        (CL, {"chunk-size": "wrong"}, "Content-Length: 12\r\n", PLAIN, False),
    ],
)  # fmt: skip
def test_framing(head: Head, value: Any, lines: str, data: bytes, ends: bool) -> None:
    """The framing headers at their place, the body as the head says, and the end that it needs."""
    made = wire((head, HI, End()), encode(value))
    assert written(made) == f"HTTP/1.1 200 OK\r\na: b\r\n{lines}c: d\r\n\r\n".encode() + data
    assert (made[-1] == Close("fin", complete=True)) is ends


def test_a_short_length_is_at_least_nothing() -> None:
    """A body of fewer than ten bytes is announced as empty."""
    made = written(wire(body(b"{}"), encode({"content-length": "short"})))
    assert b"\r\ncontent-length: 0\r\n" in made


# Where

BODY_ONLY = (
    "json-as-sse", {"merge": 2}, {"gzip": "flushed"}, {"framing": "none"}, {"chunk-size": "wrong"},
    {"content-length": "long"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "at", "why"),
    [
        *((value, "content 1", "say body") for value in BODY_ONLY),
        *((value, "head", "say body") for value in BODY_ONLY),
        ("bom", "head", "say body or a SELECTOR"),
        ({"bandwidth": "1KiB/s"}, "head", "say body or a SELECTOR"),
    ],
)
def test_what_concerns_the_whole_body(value: Any, at: str, why: str) -> None:
    """A value at an anchor where it has no meaning is refused with one where it has."""
    with pytest.raises(ValueError, match=rf"expected another anchor for encode: .*; {why}"):
        encode(value, at=at)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"terminator": True}, r"expected false \(a terminator is there anyway\), got true"),
        ({"split": {"bytes": 1, "at": "after-cr"}}, "expected either bytes or at"),
        ({"content-length": -1}, "expected short, long, both, or a number of bytes, got -1"),
        ({"content-length": True}, "expected short, long, both, or a number of bytes, got true"),
        ({"bandwidth": "0B/s"}, "expected a bandwidth such as 1KiB/s, got '0B/s'"),
        ({"bandwidth": "1KiB"}, "expected a bandwidth such as 1KiB/s, got '1KiB'"),
        ({"merge": 1}, "greater than or equal to 2"),
        ({"multi-line": 1}, "greater than or equal to 2"),
        ({"gzip": True}, "'flushed' or 'unflushed'"),
        ("gzip", "'flushed' or 'unflushed'"),
    ],
)
def test_refusals(value: Any, message: str) -> None:
    """A value that an encoding does not have is refused."""
    with pytest.raises(ValueError, match=message):
        encode(value)


# The same meaning

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
SAME = st.sampled_from(
    [
        {"newline": "lf"}, {"newline": "crlf"}, {"newline": "cr"}, {"newline": "mixed"}, "no-space",
        {"split": {"bytes": 1}}, {"split": {"bytes": 7, "gap": "1ms"}}, {"split": {"at": "after-cr"}},
        {"split": {"at": "before-blank-line"}}, {"merge": 2}, {"merge": 5}, "utf8-split",
        {"gzip": "flushed"}, {"gzip": "unflushed"}, {"multi-line": 2}, {"multi-line": 9},
        {"bandwidth": "1KiB/s"}, "bom",
    ]
)  # fmt: skip


def meaning(events: Sequence[Message], *faults: AnyFault) -> list[tuple[str, str, object]]:
    """The events of a stream as a client sees them: names, ids, and documents."""
    found = got(events, *faults)
    data = found.body
    for name, value in found.headers:
        if (name, value) == GZIP:
            data = unpacked(data)
    return [(one.type, one.last_id, parsed(one.data)) for one in parse(data)]


def parsed(data: str) -> object:
    """The document, or the text where it is none."""
    return data if data == "[DONE]" else json.loads(data)


@given(
    st.lists(DOCUMENTS, max_size=5),
    st.lists(SAME, max_size=4).filter(
        lambda values: sum(isinstance(v, dict) and "gzip" in v for v in values) < 2
    ),
)
def test_encodings_keep_the_meaning(documents: list[object], values: list[Any]) -> None:
    """However a stream is encoded, an SSE reader finds the same events with the same documents."""
    frames = [
        Frame(("content",), json.dumps(one, ensure_ascii=False).encode("utf-8", "replace"))
        for one in documents
    ]
    events: list[Message] = [STREAM, *frames, DONE, End()]
    assert meaning(events, *map(encode, values)) == meaning(events)


@given(st.lists(DOCUMENTS, min_size=1, max_size=3), st.lists(SAME, max_size=3))
def test_ids_and_names_change_nothing_else(documents: list[object], values: list[Any]) -> None:
    """An id or a name is added to every event, and the documents are the same."""
    frames = [Frame(("content",), json.dumps(one).encode()) for one in documents]
    events: list[Message] = [STREAM, *frames, DONE, End()]
    values = [value for value in values if "gzip" not in str(value)]
    found = meaning(events, encode({"id": "7"}), encode({"event": "x"}), *map(encode, values))
    assert found == [("x", "7", document) for _, _, document in meaning(events)]


def test_beats_are_dressed_as_the_body_is() -> None:
    """A heartbeat is a chunk of its own where the body is chunked."""
    again = fault(send={"comment": "c", "every": "1s", "for": "2s"}, at="head")
    made = wire(SHORT, again)
    assert made[1:3] == (
        Write(b"5\r\n: c\n\n\r\n"),
        Wait(2.0, beat=Beat(1.0, Extra(b"5\r\n: c\n\n\r\n"))),
    )
    assert wire((ENDLESS, End()), again)[1] == Write(b": c\n\n")
    assert wire((WHOLE, HI, End()), again)[1] == Write(b": c\n\n")
