"""What is found between the chunks of an answer, and where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.engine.chunked import Unframed

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"


def framed(parts: list[bytes]) -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


@given(st.lists(st.binary(min_size=1, max_size=30)), st.data())
def test_chunks_are_one_piece(parts: list[bytes], drawn: st.DataObject) -> None:
    """Whatever the chunks hold; any part of them is found where it stands."""
    data = HEAD + framed(parts) + b"0\r\n\r\n"
    body = Unframed(data)
    whole = HEAD + b"".join(parts)
    assert body.data.startswith(whole)
    first = drawn.draw(st.integers(0, len(whole) - 1))
    length = drawn.draw(st.integers(1, len(whole) - first))
    found = list(body.where(first, length))
    assert b"".join(data[start:stop] for start, stop in found) == whole[first : first + length]


@given(st.binary(max_size=60))
def test_what_has_no_chunks_is_itself(body: bytes) -> None:
    """Also where it looks like a chunk."""
    for data in (PLAIN + body, body):
        assert Unframed(data).data == data
        assert list(Unframed(data).where(0, len(data))) == ([(0, len(data))] if data else [])


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b"3\r\nabc\r\n5\r\nde", b"abcde"),
        (b"3\r\nabc\r\n5\r\n", b"abc"),
        (b"3\r\nabc\r\n5", b"abc5"),
        (b"3\r\nabc\r\nzz\r\nde\r\n", b"abczz\r\nde\r\n"),
        (b"3\r\nabc\r\n1\r\nde\r\n", b"abc1\r\nde\r\n"),
        (b"0\r\n\r\n", b""),
    ],
    ids=["cut", "empty", "in a size", "no size", "wrong size", "end"],
)
def test_framing_that_is_broken_off_or_wrong(rest: bytes, expected: bytes) -> None:
    """What is right before is found; the rest is taken as it is."""
    body = Unframed(HEAD + rest)
    assert body.data == HEAD + expected
    length = len(body.data)
    assert sum(stop - start for start, stop in body.where(0, length + 9)) == length
