"""A response read as it comes: parts, framing, when it is whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.cassettes.response import Part, ResponseReader

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
BARE = b"HTTP/1.1 200 OK\r\n\r\n"


def kinds(*reads: bytes, method: str = "POST") -> list[tuple[str, bytes]]:
    """The parts of some reads: kind and data."""
    reader = ResponseReader(method)
    return [(part.kind, part.data) for read in reads for part in reader.feed(read)]


@pytest.mark.parametrize(
    ("reads", "parts"),
    [
        ((CHUNKED, b"2\r\nab\r\n", b"0\r\n\r\n"), [("head", b""), ("data", b"ab"), ("last", b"")]),
        ((CHUNKED + b"2\r\nab\r\n1\r\nc\r\n",), [("head", b""), ("data", b"ab"), ("data", b"c")]),
        ((CHUNKED, b"2\r\na", b"b\r\n"), [("head", b""), ("raw", b"a"), ("raw", b"b")]),
        ((CHUNKED, b"02\r\nab\r\n"), [("head", b""), ("raw", b"ab")]),
        ((CHUNKED, b"2;x=1\r\nab\r\n"), [("head", b""), ("raw", b"ab")]),
        ((CHUNKED, b"zz\r\nab"), [("head", b""), ("raw", b"")]),
        ((CHUNKED, b"3\r\nab\r\n"), [("head", b""), ("raw", b"ab\r")]),
        ((CHUNKED, b"0\r\nX: y\r\n\r\n"), [("head", b""), ("raw", b"")]),
        ((LENGTH, b"ab", b"cde"), [("head", b""), ("data", b"ab"), ("data", b"cde")]),
        ((LENGTH, b"abcdefg"), [("head", b""), ("data", b"abcde"), ("raw", b"")]),
        ((BARE, b"ab"), [("head", b""), ("data", b"ab")]),
        ((b"HTTP/1.1 103 Early Hints\r\n\r\n" + BARE,), [("head", b""), ("head", b"")]),
        ((b"SSH-2.0\r\n",), [("raw", b"SSH-2.0\r\n")]),
        ((b"HTTP/1.1 2", b"00 OK\r\n\r\n"), [("head", b"")]),
        ((b"HTTP/1.1 2",), []),
    ],
)
def test_parts(reads: tuple[bytes, ...], parts: list[tuple[str, bytes]]) -> None:
    """Heads, whole chunks, the end, and what is none of these."""
    assert kinds(*reads) == parts


@pytest.mark.parametrize(
    ("method", "data", "complete", "closes"),
    [
        ("POST", CHUNKED, False, False),
        ("POST", CHUNKED + b"0\r\n\r\n", True, False),
        ("POST", LENGTH + b"abcd", False, False),
        ("POST", LENGTH + b"abcde", True, False),
        ("POST", BARE, False, True),
        ("HEAD", LENGTH, True, False),
        ("POST", b"HTTP/1.1 204 No Content\r\n\r\n", True, False),
        ("POST", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", True, True),
        ("POST", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", True, True),
        ("POST", b"HTTP/1.1 1", False, True),
    ],
)
def test_whole(method: str, data: bytes, complete: bool, closes: bool) -> None:
    """When a response is whole, and whether its connection ends then."""
    reader = ResponseReader(method)
    reader.feed(data)
    assert (reader.complete, reader.closes) == (complete, closes)


@given(st.lists(st.binary(max_size=40), max_size=8), st.sampled_from([CHUNKED, LENGTH, BARE, b""]))
def test_no_byte_is_lost(reads: list[bytes], head: bytes) -> None:
    """The bytes of the parts, and the rest, are the bytes that came."""
    reader = ResponseReader()
    parts: list[Part] = []
    for read in (head, *reads):
        parts += reader.feed(read)
    assert b"".join(part.raw for part in parts) + reader.rest == head + b"".join(reads)
