"""What is never written: credentials in heads, whatever number of reads brought them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.cassettes.cassette import Piece, Request
from mockllm.cassettes.redacting import (
    HIDDEN,
    head_without_secrets,
    reads_without_secrets,
    redacted,
    steps_of,
    without_secrets,
)

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


BODY: dict[str, Any] = {
    "user": "u",
    "messages": [{"role": "user", "content": "a"}, {"content": [{"text": "b", "user": 1}]}],
    "a.b": {"c-d": 1},
}


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("user", {"user": HIDDEN}),
        ("$.user", {"user": HIDDEN}),
        ("$['user']", {"user": HIDDEN}),
        ("$.messages[0].content", {"messages": [{"role": "user", "content": HIDDEN}, BODY["messages"][1]]}),
        ("messages.-2.role", {"messages": [{"role": HIDDEN, "content": "a"}, BODY["messages"][1]]}),
        ("messages", {"messages": HIDDEN}),
        ("messages[*].role", {"messages": [{"role": HIDDEN, "content": "a"}, BODY["messages"][1]]}),
        ("$.messages.*.content", {"messages": [{"role": "user", "content": HIDDEN}, {"content": HIDDEN}]}),
        ("$..text", {"messages": [BODY["messages"][0], {"content": [{"text": HIDDEN, "user": 1}]}]}),
        ("$..user", {"user": HIDDEN, "messages": [BODY["messages"][0], {"content": [{"text": "b", "user": HIDDEN}]}]}),
        ('["a.b"].c-d', {"a.b": {"c-d": HIDDEN}}),
        ("nothing[3].at.all", {}),
    ],
)  # fmt: skip
def test_what_a_path_hides(path: str, change: dict[str, Any]) -> None:
    """All values where the path leads, and no other."""
    assert redacted(BODY, [path]) == {**BODY, **change}


@pytest.mark.parametrize(
    "path", ["", "$", "$..", "a..", "a[", "a[0:2]", "a[?(@.b)]", "a b", "a['b", "$.a."]
)
def test_what_is_no_path(path: str) -> None:
    """What could hide nothing is refused: a mistake would write what should be hidden."""
    with pytest.raises(ValueError, match="expected a path such as"):
        steps_of(path)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"user": "u"}', b'{"user": "***"}'),
        (b'[{"user": "u"}]', b'[{"user": "u"}]'),
        (b'{"a": 1}', b'{"a": 1}'),
        (b"\x1f\x8bpacked", b"***"),
        (b"[" * 400 + b"]" * 400, b"[" * 400 + b"]" * 400),
        (b"", b""),
    ],
)
def test_bodies(body: bytes, shown: bytes) -> None:
    """A body in which nothing can be found is hidden whole; without paths all stay."""
    request = Request("POST", "/", body=body)
    assert without_secrets(request, ["$.user"]).body == shown
    assert without_secrets(request).body == body


def test_a_body_that_is_too_deep() -> None:
    """What cannot be followed is hidden whole."""
    depth = 100_000
    body = b'{"a":' * depth + b"1" + b"}" * depth
    assert without_secrets(Request("POST", "/", body=body), ["$..b"]).body == b"***"
