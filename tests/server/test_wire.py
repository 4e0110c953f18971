"""What arrives at a raw socket: every ending, every fault of the everyday profiles, to the byte."""

from __future__ import annotations

import json
import socket
import struct

import h11
import pytest

from mockllm import MockLLM
from mockllm.scripts.named import CANONICAL
from tests.server.raw import GUARD, chat, connected, text_of

FIVE = "This is a test answer"
LAST_CHUNK = b"0\r\n\r\n"


def body_of(data: bytes) -> bytes:
    """What follows the head."""
    return data.partition(b"\r\n\r\n")[2]


def test_a_healthy_stream(server: MockLLM) -> None:
    """Head, role, sixty pieces, finish, [DONE] and the last chunk; then the connection stays."""
    with connected(server.url) as raw:
        for _ in range(2):
            raw.send(chat())
            data = raw.read_until(LAST_CHUNK)
            assert data.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
            assert text_of(data) == CANONICAL
            assert data.endswith(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
            assert data.count(b"data: ") == 63
        assert raw.pending == b""


def test_a_healthy_document(server: MockLLM) -> None:
    """Content-Length is the body's length, and the connection stays."""
    with connected(server.url) as raw:
        raw.send(chat(stream=False))
        head = raw.read_until(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = raw.pending
        while len(body) < length:
            body += raw.sock.recv(length - len(body))
        document = json.loads(body)
        assert document["choices"][0]["message"]["content"] == CANONICAL
        assert document["usage"]["completion_tokens"] == 60


def test_an_independent_parser_reads_it(server: MockLLM) -> None:
    """h11 reads the stream as legal HTTP/1.1, whatever the sizes of its reads."""
    with connected(server.url) as raw:
        raw.send(chat(close=True))
        data, end = raw.read_all()
    assert end == "fin"
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    events: list[object] = []
    for byte in data:
        client.receive_data(bytes([byte]))
        while (event := client.next_event()) is not h11.NEED_DATA:
            events.append(event)
            if isinstance(event, h11.EndOfMessage):
                break
        if events and isinstance(events[-1], h11.EndOfMessage):
            break
    body = b"".join(bytes(event.data) for event in events if isinstance(event, h11.Data))
    assert text_of(body) == CANONICAL
    assert isinstance(events[-1], h11.EndOfMessage)


def test_reset(server: MockLLM) -> None:
    """An RST: ECONNRESET, after all bytes before it."""
    server.add({"reset": None})
    with connected(server.url) as raw:
        raw.send(chat())
        data, end = raw.read_all()
    assert end == "rst"
    assert text_of(data) == FIVE
    assert not data.endswith(LAST_CHUNK)
    assert server.calls[-1].outcome.ending == "reset"
    assert server.calls[-1].bytes_written == data


def test_reset_before_anything(server: MockLLM) -> None:
    """At the request no byte is sent, only the RST."""
    server.add({"close": "rst", "at": "request"})
    with connected(server.url) as raw:
        raw.send(chat())
        assert raw.read_all() == (b"", "rst")
    assert server.calls[-1].status is None


def test_cut(server: MockLLM) -> None:
    """A FIN without the last chunk."""
    server.add({"cut": None})
    with connected(server.url) as raw:
        raw.send(chat())
        data, end = raw.read_all()
    assert end == "fin"
    assert text_of(data) == FIVE
    assert data.endswith(b"\r\n")
    assert LAST_CHUNK not in data


def test_cut_of_a_document(server: MockLLM) -> None:
    """A body that is announced and never comes."""
    server.add({"close": "fin", "at": "head"})
    with connected(server.url) as raw:
        raw.send(chat(stream=False))
        data, end = raw.read_all()
    assert end == "fin"
    assert b"content-length: " in data
    assert body_of(data) == b""


def test_truncate(server: MockLLM) -> None:
    """The last chunk comes early, without finish and [DONE], and the connection stays."""
    server.add({"truncate": None, "first": 1})
    with connected(server.url) as raw:
        raw.send(chat())
        data = raw.read_until(LAST_CHUNK)
        assert text_of(data) == FIVE
        assert b"[DONE]" not in data
        assert b'"finish_reason":"stop"' not in data
        raw.send(chat())
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL


def test_stall_is_silent(server: MockLLM) -> None:
    """Five pieces, then not a byte and no end; the connection is alive."""
    server.add({"stall": "forever"})
    with connected(server.url) as raw:
        raw.send(chat())
        data = raw.read_until(b'" answer"')
        data += raw.read_until(b"\n\n\r\n")
        assert text_of(data) == FIVE
        assert raw.silent_for(0.2)
        assert server.calls[-1].outcome.ending == "playing"
        server.clear()
        assert raw.read_all() == (b"", "fin")


def test_hang(server: MockLLM) -> None:
    """Not even the head comes."""
    server.add({"hang": "forever"})
    with connected(server.url) as raw:
        raw.send(chat())
        assert raw.silent_for(0.2)
        assert server.calls[-1].status is None
        assert server.calls[-1].fired == ("hang: forever",)


def test_a_wait_ends_when_the_peer_leaves(server: MockLLM) -> None:
    """The journal says that the client left, and when; the fault has acted."""
    server.add({"stall": "forever"})
    with connected(server.url) as raw:
        raw.send(chat())
        raw.read_until(b'" answer"')
    deadline = GUARD / 0.01
    while server.calls[-1].outcome.ending == "playing" and deadline:
        deadline -= 1
    entry = server.calls[-1]
    assert entry.outcome.ending == "peer gone"
    assert entry.outcome.peer_left is not None
    assert entry.fired == ("stall: forever",)
    assert entry.tokens_sent == 5


def test_garble(server: MockLLM) -> None:
    """One frame's JSON is broken; its framing and all other frames are whole."""
    server.add({"garble": None})
    with connected(server.url) as raw:
        raw.send(chat())
        data = raw.read_until(LAST_CHUNK)
    frames = [line[6:] for line in data.split(b"\n") if line.startswith(b"data: {")]
    broken = []
    for index, frame in enumerate(frames):
        try:
            json.loads(frame)
        except ValueError:
            broken.append(index)
    assert broken == [6]  # the role frame, then the sixth content frame
    assert len(frames) == 62


def test_error_in_stream(server: MockLLM) -> None:
    """An error object in place of a chunk, [DONE], and the proper end."""
    server.add({"error": None})
    with connected(server.url) as raw:
        raw.send(chat())
        data = raw.read_until(LAST_CHUNK)
    assert data.endswith(
        b'data: {"error":{"message":"The server had an error processing your request. Sorry about '
        b"that! You can retry your request, or contact us through our help center at "
        b'help.openai.com if you keep seeing this error.","type":"server_error","param":null,'
        b'"code":null}}\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n'
    )


def test_no_healthy_upstream(server: MockLLM) -> None:
    """Envoy's answer to a request with a body, to the byte; the FIN comes after it."""
    server.use("upstream-unavailable")
    with connected(server.url) as raw:
        raw.send(chat())
        data, end = raw.read_all()
    date = data.partition(b"date: ")[2].partition(b"\r\n")[0]
    assert data == (
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 19\r\ncontent-type: text/plain\r\n"
        b"date: " + date + b"\r\nserver: envoy\r\nconnection: close\r\n\r\nno healthy upstream"
    )
    assert end == "fin"


def test_a_slow_reader_stops_the_stream(server: MockLLM) -> None:
    """Megabytes for a client that does not read: what the kernel does not take stays unplayed."""
    server.use("mockllm: 1\nscript: {words: 30000}\n")
    with connected(server.url, receive_buffer=4096) as raw:
        raw.send(chat())
        raw.read_until(b"\r\n\r\n")
        first = server.calls[-1]
        assert first.outcome.ending == "playing"
        assert first.frames_sent < 25_000
        # Another stream does not notice.
        with connected(server.url) as other:
            other.send(chat(path="/p/default/v1/chat/completions"))
            assert text_of(other.read_until(LAST_CHUNK)) == CANONICAL
        data = raw.read_while_not_ended(LAST_CHUNK)
    assert data.count(b'"content":') == 30_001  # the role frame has one too


@pytest.mark.parametrize("how", ["clean", "fin", "half", "rst"])
def test_a_slow_reader_sees_the_end(
    server: MockLLM, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The end comes when the last bytes have found room, and once: nothing fails on the way."""
    size = 8 << 20
    server.use(
        "mockllm: 1\nfaults:\n"
        f"  - {{edit: {{set: {{choices.0.message.content: {{size: {size}B}}}}}}, at: frame 1}}\n"
        f"  - {{close: {how}, at: end}}\n"
    )
    with connected(server.url, receive_buffer=4096) as raw:
        raw.send(chat(stream=False, close=how == "clean"))
        raw.read_until(b"\r\n\r\n")
        assert server.calls[-1].outcome.ending == "playing"
        data, end = raw.read_all()
    assert end == ("rst" if how == "rst" else "fin")
    assert len(data) > size or how == "rst"
    server.settle()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


def test_http10(server: MockLLM) -> None:
    """HTTP/1.0 knows no chunks: the end of the body is the end of the connection."""
    with connected(server.url) as raw:
        raw.send(chat(version="1.0"))
        data, end = raw.read_all()
    assert end == "fin"
    assert b"transfer-encoding" not in data
    assert text_of(data) == CANONICAL
    assert data.endswith(b"data: [DONE]\n\n")


def test_connection_close_is_answered(server: MockLLM) -> None:
    """A client that wants the connection closed is told so, and gets its FIN."""
    with connected(server.url) as raw:
        raw.send(chat(stream=False, close=True))
        data, end = raw.read_all()
    assert b"\r\nconnection: close\r\n" in data
    assert end == "fin"
    assert server.calls[-1].outcome.ending == "done"


def test_pipelined_requests(server: MockLLM) -> None:
    """Two requests in one write get two answers in order."""
    with connected(server.url) as raw:
        raw.send(chat() + chat(stream=False, close=True))
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
        data, _ = raw.read_all()
    assert b'"object":"chat.completion"' in data
    server.assert_attempts(2)


def test_expect_100(server: MockLLM) -> None:
    """A client that asks before it sends its body is told to go on."""
    request = chat(headers={"Expect": "100-continue"})
    head, _, body = request.partition(b"\r\n\r\n")
    with connected(server.url) as raw:
        raw.send(head + b"\r\n\r\n")
        assert raw.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.send(body)
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL


def test_garbage_is_answered_and_disturbs_nobody(server: MockLLM) -> None:
    """No HTTP at all gets a 400, and a stream beside it goes on."""
    server.add({"stall": "forever"})
    with connected(server.url) as stream, connected(server.url) as garbage:
        stream.send(chat())
        stream.read_until(b'" answer"')
        garbage.send(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        data, _ = garbage.read_all()
        assert data.startswith(b"HTTP/1.0 400 ") or data.startswith(b"HTTP/1.1 400 ")
        assert server.calls[-1].outcome.ending == "playing"


def test_a_client_that_leaves_in_its_body(server: MockLLM) -> None:
    """Half a request is no call, and the server goes on."""
    with connected(server.url) as raw:
        raw.send(chat()[:-10])
        raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with connected(server.url) as raw:
        raw.send(chat())
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
    server.assert_attempts(1)


def test_a_body_over_the_limit(server: MockLLM) -> None:
    """413 in the wire's shape, readable although the body was too long."""
    size = (32 << 20) + 1
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
    with connected(server.url) as raw:
        raw.send(head.encode())
        raw.send(b"x" * size)
        assert raw.read_until(b"\r\n").startswith(b"HTTP/1.1 413 ")
        raw.read_until(b"\r\n\r\n")
        assert json.loads(raw.read_until(b"}}"))["error"]["code"] == "request_too_large"


@pytest.mark.parametrize(
    ("encode", "expected"),
    [
        ({"newline": "crlf"}, b'" answer"'),
        ({"no-space": True}, b"data:[DONE]\n\n"),
    ],
)
def test_encodings(server: MockLLM, encode: dict[str, object], expected: bytes) -> None:
    """The same meaning in other bytes, chunk sizes included."""
    server.add({"encode": encode})
    with connected(server.url) as raw:
        raw.send(chat())
        data = raw.read_until(LAST_CHUNK)
    assert expected in data
    if "newline" in encode:
        assert b"data: [DONE]\r\n\r\n\r\n" in data
        assert b"10\r\ndata: [DONE]\r\n\r\n\r\n" in data


def test_split_into_single_bytes(server: MockLLM) -> None:
    """Every byte of a frame in a chunk of its own joins to the same frame."""
    server.add({"encode": {"split": {"bytes": 1}}, "at": "done"})
    with connected(server.url) as raw:
        raw.send(chat())
        data = raw.read_until(LAST_CHUNK)
    assert data.endswith(
        b"".join(b"1\r\n%c\r\n" % byte for byte in b"data: [DONE]\n\n") + LAST_CHUNK
    )


def test_head_of_the_models(server: MockLLM) -> None:
    """HEAD gets the head of the GET, and no body."""
    with connected(server.url) as raw:
        raw.send(b"HEAD /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        data, _ = raw.read_all()
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: 2" in data
    assert body_of(data) == b""
