"""A cassette as text: it comes back as it was, and every mistake is told with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.cassettes.cassette import (
    CassetteError,
    Ending,
    Exchange,
    Piece,
    Recording,
    Request,
    merged,
)
from mockllm.cassettes.playing import frames_apart
from mockllm.cassettes.reading import read
from mockllm.cassettes.response import chunk
from mockllm.cassettes.text import exchange_text, header_text

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
SIMPLE = """\
mockllm-cassette: 1
...
---
request:
  line: POST /v1/chat/completions
  headers: |
    Accept: */*
  body: |-
    {"model": "m"}
response:
- at: 10
  head: |
    HTTP/1.1 200 OK
    Transfer-Encoding: chunked
- at: 20
  data: |+
    data: a

- at: 30
  data: ""
- at: 30
  end: complete
...
"""


def again(recording: Recording) -> Recording:
    """A recording, written and read."""
    request = Request(recording.method, "/v1/x?y=1", (("Accept", "*/*"),), b'{"a": "\xc3\xa9"}')
    text = header_text("http://u") + exchange_text(Exchange(request, recording))
    (found,) = read(text, "c.yaml").exchanges
    assert found.request == request
    return found.recording


def of(*pieces: tuple[int, bytes], ending: Ending = "fin", ended: int = 10**6) -> Recording:
    """A recording of some bytes."""
    return Recording(merged(Piece(at, data) for at, data in pieces), ending, ended)


def test_a_cassette_by_hand() -> None:
    """What somebody writes is what is played."""
    (found,) = read(SIMPLE, "c.yaml").exchanges
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"9\r\ndata: a\n\n\r\n"
    assert found.recording == Recording(
        (Piece(10, head), Piece(20, body), Piece(30, b"0\r\n\r\n")), "complete", 30
    )
    assert found.request.model == "m"
    assert found.line == 4


TEXTS = st.text(st.sampled_from("a é\t\n\r\0\x85\u2028\ufeff:-#'\"\\|>{}天🙂 "), max_size=30)
DATA = st.one_of(st.binary(max_size=30), TEXTS.map(str.encode))


@given(
    st.lists(st.tuples(st.integers(0, 50), DATA, st.booleans()), max_size=8),
    st.booleans(),
    st.sampled_from(["fin", "rst", "open"]),
)
def test_what_is_written_is_read(
    reads: list[tuple[int, bytes, bool]], has_head: bool, ending: Ending
) -> None:
    """Any bytes, in chunks or not, at any times, come back as the same bytes at the same times."""
    at = 5
    pieces = [(at, HEAD)] if has_head else []
    for wait, data, framed in reads:
        at += wait
        pieces.append((at, chunk(data) if framed and has_head and data else data))
    if not has_head:  # a head that is torn comes as one
        pieces = [(at, b"x" + data) for at, data in pieces[:1]]
    recording = of(*pieces, ending=ending, ended=at)
    assert again(recording) == recording


def test_a_frame_is_readable() -> None:
    """A chunk of an event stream stands in the file as it is."""
    recording = of((1, HEAD), (2, chunk(b'data: {"a": "b"}\n\n')))
    text = exchange_text(Exchange(Request("GET", "/"), recording))
    assert '- at: 2\n  data: |+\n    data: {"a": "b"}\n\n- at: 1000000\n  end: fin\n' in text


def test_frames_beside_bytes() -> None:
    """Where chunks and frames differ, the frames stand there as comments."""
    recording = of((1, HEAD), (2, chunk(b"data: 1\n\nda")), (3, chunk(b"ta: [DONE]\n\n")))
    text = exchange_text(Exchange(Request("GET", "/"), recording))
    assert '#   at 2 extra: "1"\n#   at 3 done: "[DONE]"\n' in text
    assert again(recording) == recording


EVENTS = st.lists(
    st.sampled_from(
        [b"data: 1\n\n", b"data: 2\r\n\r\n", b": ping\n\n", b"da", b"ta: 3\n\n", b"x\n"]
    ),
    max_size=6,
)


@given(EVENTS, st.booleans())
def test_frames_are_told_where_they_do_not_stand(events: list[bytes], joined: bool) -> None:
    """Whether the frames follow as comments is what reading them all would say."""
    if joined:
        events = [b"".join(events)]
    recording = of((1, HEAD), *((2 + at, chunk(data)) for at, data in enumerate(events) if data))
    text = exchange_text(Exchange(Request("GET", "/"), recording))
    assert ("# The frames" in text) is bool(frames_apart(recording))


def test_a_torn_end() -> None:
    """What was not written to its end is left out, and said."""
    torn = SIMPLE + SIMPLE.split("...\n", 1)[1][:-20]
    found = read(torn, "c.yaml")
    assert len(found.exchanges) == 1
    assert found.torn == len(SIMPLE)
    assert found.warnings == (
        "c.yaml:24: the last exchange does not end with a line `...`, so it was not written whole "
        "and is left out; if it is whole, add that line",
    )


@given(st.integers(0, len(SIMPLE) * 2))
def test_nothing_half_written_is_read(size: int) -> None:
    """A file cut anywhere has its whole exchanges, or is refused; never a part of one."""
    text = SIMPLE + SIMPLE.split("...\n", 1)[1]
    try:
        found = read(text[:size], "c.yaml")
    except CassetteError:
        assert size < text.index("...") + 3
        return
    whole = read(text, "c.yaml").exchanges
    assert found.exchanges == whole[: len(found.exchanges)]
    assert len(found.exchanges) == text[:size].count("\n...") - 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mockllm-cassette: 1", "mockllm-cassette: 2", "1:19: expected a cassette of version 1, got 'version 2'; it was made by a newer mockllm: pip install -U mockllm-server"),
        ("mockllm-cassette: 1", "mockllm: 1", "1:1: expected a cassette that begins with `mockllm-cassette: 1`, got a mapping with mockllm"),
        ("mockllm-cassette: 1", "mockllm-cassette: x", "1:19: expected version 1, got 'x'"),
        ("at: 20", "at: 2.0", "15:7: expected `at`: whole microseconds since the request, such as at: 250000, got '2.0'"),
        ("at: 20", "at: 5", "15:7: expected a time that is not before 10, got '5'; times only grow"),
        ("  data: |+", "  dta: |+", "16:8: unknown key 'dta'; did you mean 'data'?\nc.yaml:15:3: expected one of head, data, raw, got a mapping with at, dta"),
        ("end: complete", "end: completed", "22:8: expected how it ended, as the last of the response: end: complete, fin, rst, open, refused, timeout, unresolved, tls, got 'completed'; did you mean 'complete'?"),
        ('  data: ""', '  data: "x"', "21:3: expected a response that is whole, as its head says; a chunked body ends with an empty data"),
        ("  line: POST /v1/chat/completions", "  line: /v1", "5:9: expected a line such as POST /v1/chat/completions, got '/v1'"),
        ("  head: |\n", "  raw: |\n", "15:3: expected a head before the data; without one, write raw"),
        ("    HTTP/1.1 200 OK\n", "    200 OK\n", "12:9: expected a head that begins as HTTP/1.1 200 OK does, got '200 OK'"),
        ("- at: 20\n  data: |+", "- at: 20\n  at: 21\n  data: |+", "16:3: duplicate key 'at'"),
        ("at: 20", "at: *x", "15:7: expected a value, got an alias; quote a text with *"),
        ("request:\n", "request: [\n", "6:10: expected YAML: did not find expected ',' or ']'"),
    ],
)  # fmt: skip
def test_mistakes(old: str, new: str, message: str) -> None:
    """A mistake tells its place, what was expected, and what to do."""
    with pytest.raises(CassetteError) as caught:
        read(SIMPLE.replace(old, new, 1), "c.yaml")
    assert str(caught.value).split("\n")[: message.count("\n") + 1] == f"c.yaml:{message}".split(
        "\n"
    )


def test_all_mistakes_at_once() -> None:
    """Every mistake of a file is told."""
    text = SIMPLE.replace("at: 10", "at: x").replace("POST /v1", "POST v1")
    with pytest.raises(CassetteError) as caught:
        read(text, "c.yaml")
    assert len(caught.value.problems) == 2
