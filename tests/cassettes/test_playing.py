"""A recording as a timeline: the same frames that the server sent, with the same kinds and times."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from mockllm.cassettes.cassette import Piece, Recording
from mockllm.cassettes.playing import Playable
from mockllm.cassettes.reading import read
from mockllm.cassettes.response import chunk
from mockllm.timeline.events import Close, Extra, Frame, Head, Wait
from tests.cassettes.build import cassette_text, exchange
from tests.engine.build import ask, engine

USER = [{"role": "user", "content": "Hi"}]
REQUESTS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": USER, "stream_options": {"include_usage": True}},
    "/v1/completions": {"prompt": "Hi"},
    "/v1/responses": {"input": "Hi"},
    "/v1/messages": {"messages": USER, "max_tokens": 500},
}
SCRIPTS = ("canonical", "tools2", "reasoning60", "refusal60")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize("dialect", ["openai", "vllm", "azure", "tgi"])
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("stream", [True, False])
def test_frames_of_our_own(path: str, script: str, dialect: str, stream: bool) -> None:
    """Kinds, tool calls, tokens and bytes of recorded frames are those of the wire that sent them."""
    to = engine(f"script: {script}\ndialect: {dialect}", paced=True)
    body = {"model": "gpt-4o-mini", "stream": stream, **REQUESTS[path]}
    plan = ask(to, path, body=json.dumps(body).encode())
    (found,) = read(cassette_text(exchange(plan)), "c").exchanges
    sent = [step.event for step in plan.steps if isinstance(step.event, Frame)]
    told = [one for one in Playable(found.recording).messages(paced=True) if isinstance(one, Frame)]
    assert [frame.data for frame in told] == [frame.data for frame in sent]
    assert [frame.dressed() for frame in told] == [frame.dressed() for frame in sent]
    assert [(seen(f), f.part) for f in told] == [(seen(f), f.part) for f in sent]
    assert sum(f.tokens for f in told) == sum(f.tokens for f in sent)
    if script in ("canonical", "tools2") and plan.script is not None:
        said = Playable(found.recording).said
        assert "".join(piece for _, piece in said) == plan.script.text


def seen(frame: Frame) -> tuple[str, ...]:
    """The kinds that the bytes show: some servers say a refusal or a thought as any other text."""
    if b'"refusal":"' in frame.data or b"reasoning" in frame.data or b"thinking" in frame.data:
        return frame.kinds
    return tuple("content" if kind in ("refusal", "reasoning") else kind for kind in frame.kinds)


def stream(*pieces: bytes, head: bytes = HEAD) -> Playable:
    """A stream whose pieces come a millisecond apart."""
    parts = [Piece(1000, head + b"\r\n")]
    parts += [Piece(1000 * at, chunk(data)) for at, data in enumerate(pieces, 2)]
    return Playable(Recording(tuple(parts), "rst", 1000 * (len(pieces) + 2)))


def test_frames_torn_and_joined() -> None:
    """A frame has the time of its last byte; comments and what is left over are no frames."""
    playable = stream(b": hi\n\ndata: 1\n\ndata", b": 2\n\n", b"data: 3")
    assert playable.messages(paced=True)[2:] == (
        Wait(0.001, paced=True),
        Extra(b": hi\n\n"),
        Frame(("extra",), b"1"),
        Wait(0.001, paced=True),
        Frame(("extra",), b"2"),
        Wait(0.001, paced=True),
        Extra(b"data: 3"),
        Wait(0.001, paced=True),
        Close("rst"),
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"data:1\n\n",
        b"event: a\ndata: 1\n\n",
        b"event:a\ndata:1\n\n",
        b"id: 4\r\ndata: 1\r\n\r\n",
        b"\xef\xbb\xbfdata: 1\n\n",
        b"data: 1\r\r",
        b"data: {\ndata: }\n\n",
        b"retry: 5\ndata: 1\nevent: b\n\n",
    ],
)
def test_the_dressing_is_kept(raw: bytes) -> None:
    """However a frame is dressed, it is sent so again."""
    frames = [one for one in stream(raw).messages(paced=False) if isinstance(one, Frame)]
    assert [frame.dressed() for frame in frames] == [raw]


def test_a_packed_stream() -> None:
    """The frames of a packed stream are found, and sent unpacked when faults act on them."""
    packed = gzip.compress(b"data: 1\n\ndata: [DONE]\n\n")
    playable = stream(packed[:20], packed[20:], head=HEAD + b"Content-Encoding: gzip\r\n")
    head, *rest = playable.messages(paced=False)
    assert isinstance(head, Head)
    assert head.get("content-encoding") is None
    assert [one.kinds for one in rest if isinstance(one, Frame)] == [("extra",), ("done",)]
    exact = b"".join(getattr(event, "data", b"") for _, event in playable.events(paced=False))
    assert packed[20:] in exact


def test_speed() -> None:
    """A recording at double speed takes half its time."""
    recording = stream(b"data: 1\n\n").recording
    waits = [
        e.seconds for e in Playable(recording, 2.0).messages(paced=True) if isinstance(e, Wait)
    ]
    assert sum(waits) == pytest.approx(0.0015)
