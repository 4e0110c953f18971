"""What is never written: credentials in heads, whatever number of reads brought them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.cassettes.cassette import Piece
from mockllm.cassettes.redacting import head_without_secrets, reads_without_secrets

HEAD = (
    b"HTTP/1.1 200 OK\r\nSet-Cookie: a=secret; Path=/\r\nX-A: b\r\n"
    b"anthropic-organization-id: 0123456789abcdef\r\n\r\n"
)


def joined(pieces: tuple[Piece, ...]) -> bytes:
    """The bytes of pieces."""
    return b"".join(piece.data for piece in pieces)


@given(st.lists(st.integers(0, len(HEAD)), max_size=20))
def test_however_a_head_is_torn(cuts: list[int]) -> None:
    """The bytes are those of the whole head without its secrets, and nothing comes too early."""
    places = sorted({0, *cuts, len(HEAD)})
    reads = [Piece(at, HEAD[a:b]) for at, (a, b) in enumerate(pairwise(places), 1)]
    made = reads_without_secrets(reads)
    assert joined(made) == head_without_secrets(HEAD)
    assert b"secret" not in joined(made)
    assert b"89abcdef" not in joined(made)
    for at in range(1, len(reads) + 1):
        come = joined(tuple(piece for piece in made if piece.at <= at))
        assert len(come) <= places[at]


@pytest.mark.parametrize(
    ("reads", "pieces"),
    [
        ((b"HTTP/1", b".1 200", b" OK\r\n\r\n"), ((1, b"HTTP/1"), (2, b".1 200"), (3, b" OK\r\n\r\n"))),
        ((b"A: 1\r\nCook", b"ie: a=b\r\nB", b": 2\r\n\r\n"), ((1, b"A: 1\r\n"), (2, b"Cookie: a=***\r\nB"), (3, b": 2\r\n\r\n"))),
        ((b"Cookie: a=b\rx", b"y=z"), ((2, b"Cookie: a=***"),)),
        ((b"Cookie: a=b\n",), ((1, b"Cookie: a=***\n"),)),
        ((), ()),
    ],
)  # fmt: skip
def test_times(reads: tuple[bytes, ...], pieces: tuple[tuple[int, bytes], ...]) -> None:
    """Bytes keep their times; a line in which something is hidden has that of its last byte."""
    made = reads_without_secrets([Piece(at, data) for at, data in enumerate(reads, 1)])
    assert tuple((piece.at, piece.data) for piece in made) == pieces
