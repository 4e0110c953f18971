"""The reader of event streams reads the examples of the standard as the standard says."""

from __future__ import annotations

import pytest

from tests.timeline.sse import Event, parse


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [Event("YHOO\n+2\n10")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [Event("first event", last_id="1"), Event("second event"), Event(" third event")],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [Event(""), Event("\n")]),
        (b"data:test\n\ndata: test\n\n", [Event("test"), Event("test")]),
        (b"event: add\ndata: 1\r\n\r\nevent: gone\n\ndata: 2\r\r", [Event("1", "add"), Event("2")]),
        (b"\xef\xbb\xbfdata: a\n\nretry: 5\nodd: x\n\n", [Event("a")]),
        (b"data: never ended\n", []),
    ],
)
def test_reading(body: bytes, events: list[Event]) -> None:
    """Comments, ids, names, line ends, a byte order mark, and an end that comes too early."""
    assert parse(body) == events
