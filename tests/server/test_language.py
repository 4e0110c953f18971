"""The language on a real socket: what each verb, value and anchor puts there, byte by byte.

A healthy answer is asked for first; what a fault makes of it is said in its frames.
"""

from __future__ import annotations

import json
import re
import socket
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from mockllm import MockLLM
from tests.server.raw import Raw, chat, connected, text_of

LAST_CHUNK = b"0\r\n\r\n"
DATE = re.compile(rb"\r\ndate: [^\r]+")
SHORT = {"text": "a b c"}
"""A stream of six frames: role, three of content, finish, done."""
PLAIN: dict[str, Any] = {"stream_options": {"include_obfuscation": False}}
"""What keeps frames of one length at one length."""


def use(server: MockLLM, *faults: dict[str, Any], script: Any = SHORT) -> None:
    """Begin anew, so that ids repeat, with a profile of these faults."""
    server.clear()
    document = {"mockllm": 1, "script": script, "faults": faults}
    server.use(json.dumps(document) + "\n")


def undated(data: bytes) -> bytes:
    """The bytes without the time of day."""
    return DATE.sub(b"", data)


def answer(
    server: MockLLM, *faults: dict[str, Any], script: Any = SHORT, stream: bool = True
) -> tuple[bytes, str]:
    """All bytes of an answer, and which end the connection came to."""
    use(server, *faults, script=script)
    with connected(server.url) as raw:
        raw.send(chat(close=True, **(PLAIN if stream else {"stream": False})))
        data, end = raw.read_all()
    return undated(data), end


def chunk(*units: bytes) -> bytes:
    """Each unit as one chunk."""
    return b"".join(b"%x\r\n%b\r\n" % (len(unit), unit) for unit in units)


class Healthy:
    """The head and the frames of an answer without faults."""

    def __init__(self, server: MockLLM, *, stream: bool = True, script: Any = SHORT) -> None:
        data, end = answer(server, stream=stream, script=script)
        assert end == "fin"
        head, _, body = data.partition(b"\r\n\r\n")
        self.head = head + b"\r\n\r\n"
        self.body = body
        if stream:
            assert body.endswith(LAST_CHUNK)
            units = re.findall(rb"[0-9a-f]+\r\n(data: .*\n\n)\r\n", body)
            assert chunk(*units) + LAST_CHUNK == body
            self.body = b"".join(units)
        self.frames = [frame + b"\n\n" for frame in self.body.split(b"\n\n") if frame]

    def headed(self, **headers: str | None) -> bytes:
        """The head with other headers; None takes one away."""
        head = self.head
        for name, value in headers.items():
            word = name.replace("_", "-").encode()
            new = b"" if value is None else b"\r\n%b: %b" % (word, value.encode())
            head = re.sub(rb"\r\n%b: [^\r]*" % re.escape(word), lambda _, new=new: new, head)  # type: ignore[misc]
        return head


Build = Callable[[Healthy], bytes]


def whole(*units: bytes) -> bytes:
    """A whole chunked body."""
    return chunk(*units) + LAST_CHUNK


def changed(h: Healthy, index: int, *units: bytes) -> bytes:
    """The answer with other chunks in the place of one frame, counted from 0."""
    return h.head + whole(*h.frames[:index], *units, *h.frames[index + 1 :])


def inserted(h: Healthy, index: int, *units: bytes) -> bytes:
    """The answer with more chunks before a frame, counted from 0."""
    return h.head + whole(*h.frames[:index], *units, *h.frames[index:])


def edited(frame: bytes, change: Callable[[Any], None]) -> bytes:
    """A frame with a changed document."""
    document = json.loads(frame[6:])
    change(document)
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def delta(document: Any) -> Any:
    """The delta of a chunk."""
    return document["choices"][0]["delta"]


PING = b": ping\n\n"

WHOLE_ANSWERS: list[tuple[str, list[dict[str, Any]], Build]] = [
    # wait: the same bytes, later
    ("wait", [{"wait": "5ms"}], lambda h: h.head + whole(*h.frames)),
    ("wait head", [{"wait": "5ms", "at": "head"}], lambda h: h.head + whole(*h.frames)),
    ("wait t", [{"wait": "5ms", "at": "t 0s"}], lambda h: h.head + whole(*h.frames)),
    ("wait server", [{"wait": "30ms", "at": "head"}, {"wait": "5ms", "at": "server 1h"}], lambda h: h.head + whole(*h.frames)),
    ("wait byte", [{"wait": "5ms", "at": "byte 3"}], lambda h: changed(h, 0, h.frames[0][:3], h.frames[0][3:])),
    ("ping", [{"wait": {"ping": "10ms", "for": "35ms"}, "at": "after content 1"}], lambda h: inserted(h, 2, PING, PING, PING)),
    ("drip", [{"wait": {"drip": "2ms"}}], lambda h: h.head + whole(*h.frames)),
    ("uniform", [{"wait": {"uniform": ["1ms", "2ms"]}, "at": "after frame *"}], lambda h: h.head + whole(*h.frames)),
    ("normal", [{"wait": {"normal": {"mean": "1ms", "deviation": "1ms"}}, "at": "before finish"}], lambda h: h.head + whole(*h.frames)),
    ("lognormal", [{"wait": {"lognormal": {"median": "1ms", "sigma": 0.1}}}], lambda h: h.head + whole(*h.frames)),
    ("bandwidth", [{"wait": {"bandwidth": "1MiB/s"}, "at": "after content 1"}], lambda h: h.head + whole(*h.frames)),
    # reply
    ("reply body", [{"reply": {"status": 418, "body": "tea", "headers": {"x": "y"}}}],
        lambda h: b"HTTP/1.1 418 I'm a Teapot\r\ncontent-type: text/plain\r\ncontent-length: 3\r\nx: y\r\nconnection: close\r\n\r\ntea"),
    # send
    ("comment", [{"send": {"comment": "hi"}, "at": "after role"}], lambda h: inserted(h, 1, b": hi\n\n")),
    ("comment every", [{"send": {"comment": "hi", "every": "5ms", "for": "12ms"}, "at": "head"}], lambda h: inserted(h, 0, *[b": hi\n\n"] * 3)),
    ("raw", [{"send": {"raw": "\u00e9"}, "at": "before finish"}], lambda h: inserted(h, 4, "é".encode())),
    ("raw request", [{"send": {"raw": "junk\r\n"}, "at": "request"}], lambda h: b"junk\r\n" + h.head + whole(*h.frames)),
    ("raw end", [{"send": {"raw": "bye"}, "at": "end"}], lambda h: inserted(h, 6, b"bye")),
    ("raw t", [{"send": {"raw": "x"}, "at": "t 0s"}], lambda h: inserted(h, 0, b"x")),
    ("raw byte", [{"send": {"raw": "x"}, "at": "byte -1"}], lambda h: changed(h, 5, h.frames[5][:-1], b"x", b"\n")),
    ("frame json", [{"send": {"frame": {"json": {"a": 1}}}, "at": "before content 1"}], lambda h: inserted(h, 1, b'data: {"a":1}\n\n')),
    ("frame event", [{"send": {"frame": {"event": "ping", "json": {}}}, "at": "before content 1"}], lambda h: inserted(h, 1, b"event: ping\ndata: {}\n\n")),
    ("frame delta", [{"send": {"frame": {"delta": {"content": "z"}}}, "at": "after content 2"}],
        lambda h: inserted(h, 3, edited(h.frames[2], lambda d: delta(d).update(content="z")))),
    ("interim", [{"send": {"interim": 103}}], lambda h: b"HTTP/1.1 103 Early Hints\r\n\r\n" + h.head + whole(*h.frames)),
    # edit
    ("drop", [{"edit": "drop", "at": "content 2"}], lambda h: changed(h, 2)),
    ("duplicate", [{"edit": {"duplicate": 3}, "at": "content 2"}], lambda h: changed(h, 2, *[h.frames[2]] * 3)),
    ("patch", [{"edit": {"patch": {"choices": [{"delta": {"content": None}}]}}, "at": "content 2"}],
        lambda h: changed(h, 2, edited(h.frames[2], lambda d: delta(d).update(content=None)))),
    ("remove", [{"edit": {"remove": "choices.*.delta.content"}, "at": "content 2"}],
        lambda h: changed(h, 2, edited(h.frames[2], lambda d: delta(d).pop("content")))),
    ("set", [{"edit": {"set": {"usage.completion_tokens": "{{n}}"}}, "at": "content 2"}],
        lambda h: changed(h, 2, edited(h.frames[2], lambda d: d.update(usage={"completion_tokens": 2})))),
    ("set size", [{"edit": {"set": {"pad": {"size": "1KiB"}}}, "at": "content 2"}],
        lambda h: changed(h, 2, edited(h.frames[2], lambda d: d.update(pad="x" * 1024)))),
    ("set head", [{"edit": {"set": {"Server": "nginx"}}, "at": "head"}], lambda h: h.head.replace(b"server: cloudflare", b"Server: nginx") + whole(*h.frames)),
    ("remove head", [{"edit": {"remove": "Server"}, "at": "head"}], lambda h: h.headed(server=None) + whole(*h.frames)),
    ("truncate", [{"edit": {"truncate": -2}, "at": "content 2"}], lambda h: changed(h, 2, h.frames[2][:-4] + b"\n\n")),
    ("replace", [{"edit": {"replace": "[OVER]"}, "at": "done"}], lambda h: changed(h, 5, b"data: [OVER]\n\n")),
    # encode
    ("crlf", [{"encode": {"newline": "crlf"}}], lambda h: h.head + whole(*[f.replace(b"\n", b"\r\n") for f in h.frames])),
    ("cr", [{"encode": {"newline": "cr"}, "at": "done"}], lambda h: changed(h, 5, b"data: [DONE]\r\r")),
    ("mixed", [{"encode": {"newline": "mixed"}, "at": "done"}], lambda h: changed(h, 5, b"data: [DONE]\r\n\n")),
    ("no-space", [{"encode": "no-space", "at": "done"}], lambda h: changed(h, 5, b"data:[DONE]\n\n")),
    ("multi-line", [{"encode": {"multi-line": 2}, "at": "content 1"}], lambda h: changed(h, 1, h.frames[1].replace(b",", b",\ndata: ", 1))),
    ("id", [{"encode": {"id": 7}, "at": "done"}], lambda h: changed(h, 5, b"id: 7\n" + h.frames[5])),
    ("event", [{"encode": {"event": "e"}, "at": "done"}], lambda h: changed(h, 5, b"event: e\n" + h.frames[5])),
    ("bom", [{"encode": "bom"}], lambda h: changed(h, 0, b"\xef\xbb\xbf" + h.frames[0])),
    ("terminator", [{"encode": {"terminator": False}}], lambda h: changed(h, 5, b"data: [DONE]")),
    ("merge", [{"encode": {"merge": 4}}], lambda h: h.head + whole(b"".join(h.frames[:4]), b"".join(h.frames[4:]))),
    ("after-cr", [{"encode": {"newline": "crlf"}, "at": "done"}, {"encode": {"split": {"at": "after-cr", "gap": "1ms"}}, "at": "done"}], lambda h: changed(h, 5, b"data: [DONE]\r", b"\n\r\n")),
    ("before-blank-line", [{"encode": {"split": {"at": "before-blank-line"}}, "at": "done"}], lambda h: changed(h, 5, b"data: [DONE]\n", b"\n")),
    ("split head", [{"encode": {"split": {"bytes": 100, "gap": "1ms"}}, "at": "head"}], lambda h: h.head + whole(*h.frames)),
    ("bandwidth body", [{"encode": {"bandwidth": "1MiB/s"}}], lambda h: h.head + whole(*h.frames)),
    ("te+cl", [{"encode": {"framing": "te+cl"}}],
        lambda h: h.head.replace(b"chunked\r\n", b"chunked\r\ncontent-length: %d\r\n" % len(h.body)) + whole(*h.frames)),
    ("none", [{"encode": {"framing": "none"}}], lambda h: h.headed(transfer_encoding=None) + h.body),
    ("twice", [{"encode": {"framing": "twice"}}], lambda h: h.head.replace(b"transfer-encoding: chunked\r\n", b"transfer-encoding: chunked\r\n" * 2) + whole(*h.frames)),
    ("chunk-size", [{"encode": {"chunk-size": "wrong"}}],
        lambda h: h.head + b"".join(b"%x\r\n%b\r\n" % (len(f) + 1, f) for f in h.frames) + LAST_CHUNK),
    *(
        (f"content-length {value}", [{"encode": {"content-length": value}}],
            lambda h, add=add: h.head.replace(b"transfer-encoding: chunked", b"\r\n".join(b"content-length: %d" % (len(h.body) + n) for n in add)) + h.body)
        for value, add in (("short", [-10]), ("long", [10]), ("both", [0, 10]))
    ),
    ("content-length number", [{"encode": {"content-length": 5}}], lambda h: h.head.replace(b"transfer-encoding: chunked", b"content-length: 5") + h.body),
    # close
    ("clean", [{"close": "clean", "at": "after content 2"}], lambda h: h.head + whole(*h.frames[:3])),
    ("clean at once", [{"close": "clean", "at": "request"}], lambda h: b""),
    ("announced", [{"close": "clean", "announce": True, "at": "after role"}], lambda h: h.head + whole(h.frames[0])),
    ("fin", [{"close": "fin", "at": "after content 2"}], lambda h: h.head + chunk(*h.frames[:3])),
    ("fin before", [{"close": "fin", "at": "before content 2"}], lambda h: h.head + chunk(*h.frames[:2])),
    ("fin head", [{"close": "fin", "at": "head"}], lambda h: h.head),
    ("fin end", [{"close": "fin", "at": "end"}], lambda h: h.head + chunk(*h.frames)),
    ("fin byte", [{"close": "fin", "at": "byte 2"}], lambda h: h.head + chunk(b"da")),
    ("fin byte from the end", [{"close": "fin", "at": "byte -2"}], lambda h: h.head + chunk(*h.frames[:5], h.frames[5][:-2])),
    ("fin t", [{"wait": "forever", "at": "after role"}, {"close": "fin", "at": "t 10ms"}], lambda h: h.head + chunk(h.frames[0])),
    ("fin server", [{"wait": "forever", "at": "after role"}, {"close": "fin", "at": "server 1s"}], lambda h: h.head + chunk(h.frames[0])),
    ("fin event", [{"close": "fin", "at": "after event none"}], lambda h: h.head + whole(*h.frames)),
    ("fin range", [{"close": "fin", "at": "after frame 3..finish"}], lambda h: h.head + chunk(*h.frames[:3])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("faults", "build"),
    [case[1:] for case in WHOLE_ANSWERS],
    ids=[case[0] for case in WHOLE_ANSWERS],
)
def test_bytes(server: MockLLM, faults: list[dict[str, Any]], build: Build) -> None:
    """Exactly these bytes arrive, then a FIN; the journal has the same bytes."""
    expected = build(Healthy(server))
    assert answer(server, *faults) == (expected, "fin")
    assert undated(server.calls[-1].bytes_written) == expected


RESETS: list[tuple[dict[str, Any], Build]] = [
    ({"at": "request"}, lambda h: b""),
    ({"at": "head"}, lambda h: h.head),
    ({"at": "after content 2"}, lambda h: h.head + chunk(*h.frames[:3])),
    ({"at": "before done"}, lambda h: h.head + chunk(*h.frames[:5])),
    ({"at": "byte 30"}, lambda h: h.head + chunk(h.frames[0][:30])),
    ({"at": "t 0s"}, lambda h: h.head),
    ({"at": "end"}, lambda h: h.head + chunk(*h.frames)),
]


@pytest.mark.parametrize(("keys", "build"), RESETS, ids=[case[0]["at"] for case in RESETS])
def test_resets(server: MockLLM, keys: dict[str, Any], build: Build) -> None:
    """All bytes before it arrive, then an RST."""
    expected = build(Healthy(server))
    assert answer(server, {"close": "rst", **keys}) == (expected, "rst")
    assert server.calls[-1].outcome.ending == "reset"


TOOLS = "tools2"


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        ("after tool 1", lambda frames: first(frames, 0) + 1),
        ("after tool 1 last", lambda frames: last(frames, 0) + 1),
        ("before tool 2", lambda frames: first(frames, 1)),
        ("after tool 2 last", lambda frames: last(frames, 1) + 1),
        ("after tool -1 last", lambda frames: last(frames, 1) + 1),
        ("before finish", lambda frames: len(frames) - 2),
    ],
)
def test_tool_calls(server: MockLLM, at: str, kept: Callable[[list[bytes]], int]) -> None:
    """A tool call is all of its frames, `last` its last one."""
    h = Healthy(server, script=TOOLS)
    data, _ = answer(server, {"close": "fin", "at": at}, script=TOOLS)
    assert data == h.head + chunk(*h.frames[: kept(h.frames)])


def calls_of(frame: bytes) -> int | None:
    """Which tool call a frame belongs to, from 0."""
    found = re.search(rb'"tool_calls":\[\{"index":(\d)', frame)
    return int(found[1]) if found else None


def first(frames: list[bytes], call: int) -> int:
    """The place of a call's first frame."""
    return [calls_of(frame) for frame in frames].index(call)


def last(frames: list[bytes], call: int) -> int:
    """The place of a call's last frame."""
    return max(place for place, frame in enumerate(frames) if calls_of(frame) == call)


def test_interleaved_tool_calls(server: MockLLM) -> None:
    """The frames of the calls take turns; all else is as it was."""
    h = Healthy(server, script=TOOLS)
    data, _ = answer(server, {"edit": {"interleave": "tool"}}, script=TOOLS)
    found = re.findall(rb"data: .*\n\n", data)
    calls = [call for call in map(calls_of, found) if call is not None]
    assert calls[:4] == [0, 1, 0, 1]
    assert sorted(found) == sorted(h.frames)
    assert [frame for frame in found if calls_of(frame) is None] == [
        frame for frame in h.frames if calls_of(frame) is None
    ]


@pytest.mark.parametrize("how", ["flushed", "unflushed"])
def test_gzip(server: MockLLM, how: str) -> None:
    """The head says gzip, and the chunks join to a whole gzip file of the body."""
    h = Healthy(server)
    data, _ = answer(server, {"encode": {"gzip": how}})
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"\r\ncontent-encoding: gzip" in head
    packed = unchunked(body)
    assert zlib.decompress(b"".join(packed), 31) == h.body
    if how == "flushed":
        assert len(packed) == len(h.frames) + 1
        reader = zlib.decompressobj(31)
        assert [reader.decompress(part) for part in packed[:-1]] == h.frames


def unchunked(body: bytes) -> list[bytes]:
    """The chunks of a chunked body, by their sizes."""
    parts = []
    while not body.startswith(LAST_CHUNK):
        size, _, body = body.partition(b"\r\n")
        parts.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return parts


def test_characters_in_halves(server: MockLLM) -> None:
    """A character of two bytes comes in two chunks."""
    script = {"text": "é"}
    h = Healthy(server, script=script)
    data, _ = answer(server, {"encode": "utf8-split"}, script=script)
    parts = unchunked(data.partition(b"\r\n\r\n")[2])
    assert b"".join(parts) == h.body
    (place,) = [index for index, part in enumerate(parts) if part.endswith(b"\xc3")]
    assert parts[place + 1].startswith(b"\xa9")


DOCUMENTS: list[tuple[str, list[dict[str, Any]], Build]] = [
    ("bom", [{"encode": "bom"}], lambda h: length(h, 3) + b"\xef\xbb\xbf" + h.body),
    ("te+cl", [{"encode": {"framing": "te+cl"}}],
        lambda h: h.head.replace(b"content-length", b"transfer-encoding: chunked\r\ncontent-length") + whole(h.body)),
    ("none", [{"encode": {"framing": "none"}}], lambda h: h.headed(content_length=None) + h.body),
    ("short", [{"encode": {"content-length": "short"}}], lambda h: length(h, -10) + h.body),
    ("long", [{"encode": {"content-length": "long"}}], lambda h: length(h, 10) + h.body),
    ("white space", [{"send": {"raw": " ", "every": "5ms", "for": "12ms"}, "at": "head"}], lambda h: length(h, 3) + b"   " + h.body),
    ("truncate", [{"edit": {"truncate": 10}, "at": "frame 1"}], lambda h: length(h, 10 - len(h.body)) + h.body[:10]),
    ("fin", [{"close": "fin", "at": "byte 10"}], lambda h: h.head + h.body[:10]),
    ("clean", [{"close": "clean", "at": "byte 10"}], lambda h: length(h, 10 - len(h.body)) + h.body[:10]),
    ("split", [{"encode": {"split": {"bytes": 50}}}], lambda h: h.head + h.body),
    ("json-as-sse", [{"encode": "json-as-sse"}],
        lambda h: h.head.replace(b"application/json", b"text/event-stream").replace(b"content-length: %d" % len(h.body), b"transfer-encoding: chunked")
        + whole(b"data: " + h.body + b"\n\n")),
]  # fmt: skip


def length(h: Healthy, more: int) -> bytes:
    """The head with another length."""
    return h.headed(content_length=str(len(h.body) + more))


@pytest.mark.parametrize(
    ("faults", "build"), [case[1:] for case in DOCUMENTS], ids=[case[0] for case in DOCUMENTS]
)
def test_documents(server: MockLLM, faults: list[dict[str, Any]], build: Build) -> None:
    """An answer that is not streamed: exactly these bytes."""
    expected = build(Healthy(server, stream=False))
    assert answer(server, *faults, stream=False) == (expected, "fin")


def test_a_document_may_be_gzip(server: MockLLM) -> None:
    """The length is that of the compressed body."""
    h = Healthy(server, stream=False)
    data, _ = answer(server, {"encode": {"gzip": "unflushed"}}, stream=False)
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head
    assert zlib.decompress(body, 31) == h.body


def test_half_close(server: MockLLM) -> None:
    """The reader sees the end and may still send; the connection ends when it closes."""
    h = Healthy(server)
    use(server, {"close": "half", "at": "after role"})
    with connected(server.url) as raw:
        raw.send(chat(close=True, **PLAIN))
        data, end = raw.read_all()
        assert (undated(data), end) == (h.head + chunk(h.frames[0]), "fin")
        raw.send(b"still here")
        assert server.calls[-1].outcome.ending == "playing"
        raw.sock.shutdown(socket.SHUT_WR)
    assert ended(server) == "closed"


def ended(server: MockLLM) -> str:
    """How the last call ended, once the server knows."""
    tries = 100_000
    while server.calls[-1].outcome.ending == "playing" and tries:
        tries -= 1
    return server.calls[-1].outcome.ending


def test_an_announced_end(server: MockLLM) -> None:
    """To a client that wants to keep the connection the head says that it ends, and it does."""
    use(server, {"close": "clean", "announce": True, "at": "after content 2"})
    with connected(server.url) as raw:
        raw.send(chat())
        data, end = raw.read_all()
    assert end == "fin"
    assert b"\r\nconnection: close\r\n\r\n" in data
    assert text_of(data) == "a b"
    assert data.endswith(LAST_CHUNK)


def test_a_clean_end_keeps_the_connection(server: MockLLM) -> None:
    """The next request on the same connection is answered."""
    use(server, {"close": "clean", "at": "after content 2", "first": 1})
    with connected(server.url) as raw:
        for text in ("a b", "a b c"):
            raw.send(chat())
            assert text_of(raw.read_until(LAST_CHUNK)) == text


@pytest.mark.parametrize(
    "fault",
    [
        {"wait": "forever"},
        {"wait": "forever", "at": "head"},
        {"wait": "forever", "at": "t 0s"},
        {"wait": {"ping": "1h"}, "at": "head"},
        {"send": {"comment": "c", "every": "1h"}, "at": "after role"},
        {"wait": {"drip": "1h"}, "at": "head"},
        {"wait": {"bandwidth": "1B/s"}, "at": "after content 2"},
        {"encode": {"split": {"gap": "1h"}}, "at": "head"},
    ],
    ids=str,
)
def test_a_wait_ends_when_the_peer_leaves(server: MockLLM, fault: dict[str, Any]) -> None:
    """However the server waits, a client that leaves is seen at once, and the fault has acted."""
    use(server, fault)
    with connected(server.url) as raw:
        raw.send(chat())
        begun(server, raw)
    assert ended(server) == "peer gone"
    assert len(server.calls[-1].fired) == 1


def begun(server: MockLLM, raw: Raw) -> None:
    """Wait until the request has come."""
    while not server.calls:
        raw.send(b"")


# Fail at the Nth step, for every N


@pytest.mark.parametrize("close", ["fin", "rst", "clean"])
def test_close_at_every_frame(server: MockLLM, close: str) -> None:
    """Each close lets exactly the frames before it through."""
    h = Healthy(server)
    for number in range(1, len(h.frames) + 1):
        for at, kept in ((f"before frame {number}", number - 1), (f"after frame {number}", number)):
            body = chunk(*h.frames[:kept]) + (LAST_CHUNK if close == "clean" else b"")
            expected = (h.head + body, "rst" if close == "rst" else "fin")
            assert answer(server, {"close": close, "at": at}) == expected, at


def test_split_at_every_size(server: MockLLM) -> None:
    """Bits of every size join to the frames they came from."""
    h = Healthy(server, script={"text": "a"})
    for size in range(1, max(map(len, h.frames)) + 1):
        data, _ = answer(server, {"encode": {"split": {"bytes": size}}}, script={"text": "a"})
        bits = [f[i : i + size] for f in h.frames for i in range(0, len(f), size)]
        assert data == h.head + whole(*bits), size


def test_reset_after_every_byte(server: MockLLM) -> None:
    """A reset after each byte of a document: the bytes before it arrive, and then the RST."""
    script = {"text": "a"}
    h = Healthy(server, stream=False, script=script)
    for byte in range(len(h.body) + 1):
        fault = {"close": "rst", "at": f"byte {byte}"}
        expected = (h.head + h.body[:byte], "rst")
        assert answer(server, fault, stream=False, script=script) == expected, byte
