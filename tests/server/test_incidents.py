"""Failures that were seen in the wild, written in a few lines each and read back from a raw socket.

Each names the public report that it comes from. No line of the product knows any of them.
"""

from __future__ import annotations

import gzip
import json
import ssl
import zlib
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from mockllm import MockLLM
from mockllm.scripts.named import CANONICAL, NAMED
from tests.server.raw import Raw, chat, connected, text_of

LAST_CHUNK = b"0\r\n\r\n"
CJK = NAMED["cjk60"].text  # type: ignore[attr-defined]


def talk(server: MockLLM, url: str | None = None, **options: object) -> tuple[bytes, str]:
    """One chat, read to the end of its connection."""
    with connected(url or server.url) as raw:
        raw.send(chat(close=True, **options))  # type: ignore[arg-type]
        return raw.read_all()


def body(data: bytes) -> bytes:
    """A chunked body, put together."""
    rest, out = data.partition(b"\r\n\r\n")[2], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        out, rest = out + rest[:length], rest[length + 2 :]
        if length == 0:
            break
    return out


def documents(data: bytes) -> list[dict[str, object]]:
    """The JSON of all frames of a stream."""
    return [json.loads(line[6:]) for line in body(data).splitlines() if line.startswith(b"data: {")]


def keepalive_close_race(server: MockLLM) -> None:
    with connected(server.url) as raw:
        raw.send(chat())
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
        raw.send(chat())
        assert raw.read_all() == (b"", "rst")
    assert text_of(talk(server)[0]) == CANONICAL


def connection_close_every_n(server: MockLLM) -> None:
    with connected(server.url) as raw:
        for _ in range(5):
            raw.send(chat())
            data = raw.read_until(LAST_CHUNK)
            assert text_of(data) == CANONICAL
            assert b"connection: close" not in data
        assert raw.read_all() == (b"", "fin")


def headers_trickle(server: MockLLM) -> None:
    data, end = talk(server)
    assert (text_of(data), end) == (CANONICAL, "fin")
    entry = server.calls[0]
    head = next(e for e in entry.plan.lowered.events)
    assert len(getattr(head, "data", b"")) == 1


def te_and_cl_together(server: MockLLM) -> None:
    data, _ = talk(server)
    head = data.partition(b"\r\n\r\n")[0]
    assert b"\r\ntransfer-encoding: chunked\r\ncontent-length: 999\r\n" in head
    assert text_of(data) == CANONICAL


def gzip_sse_read_as_text(server: MockLLM) -> None:
    data, _ = talk(server)
    assert b"\r\ncontent-encoding: gzip" in data
    reader = zlib.decompressobj(31)
    first = body(data)[:400]
    assert reader.decompress(first).startswith(b"data: {")
    assert text_of(gzip.decompress(body(data))) == CANONICAL


def bom_at_start(server: MockLLM) -> None:
    data, _ = talk(server)
    assert body(data).startswith(b"\xef\xbb\xbfdata: {")
    assert text_of(data) == CANONICAL


def tool_deltas_interleaved(server: MockLLM) -> None:
    data, _ = talk(server)
    order, arguments = [], {0: "", 1: ""}
    for document in documents(data):
        for choice in document["choices"]:  # type: ignore[attr-defined]
            for call in choice["delta"].get("tool_calls", ()):
                order.append(call["index"])
                arguments[call["index"]] += call["function"]["arguments"]
    assert order == [0, 1] * 4
    assert [json.loads(text) for text in arguments.values()] == [{"city": "Paris"}, {"tz": "UTC"}]


def usage_on_every_chunk(server: MockLLM) -> None:
    usages = [document["usage"] for document in documents(talk(server)[0])]
    assert len(usages) == 62
    assert usages[0] == {"prompt_tokens": 21, "completion_tokens": 0, "total_tokens": 21}
    assert usages[-1] == {"prompt_tokens": 21, "completion_tokens": 60, "total_tokens": 81}


def whitespace_before_json(server: MockLLM) -> None:
    data, _ = talk(server, stream=False)
    text = data.partition(b"\r\n\r\n")[2]
    assert text.startswith(b"\n\n\n")
    assert json.loads(text)["choices"][0]["message"]["content"] == CANONICAL
    length = int(data.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    assert length == len(text)


def broken_args_poison_history(server: MockLLM) -> None:
    data, _ = talk(server)
    assert b"UTC" not in data
    history = [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "x", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "y", "arguments": '{"tz": "'}},
            ],
        },
    ]
    data, _ = talk(server, messages=history)
    assert data.startswith(b"HTTP/1.1 400 ")
    assert b"Expecting property name enclosed in double quotes" in data


def early_reset_during_upload(server: MockLLM) -> None:
    with connected(server.url) as raw:
        raw.send(chat(padding="x" * 600_000)[:300_000])
        assert raw.read_all() == (b"", "rst")
    assert text_of(talk(server)[0]) == CANONICAL


def tls_eof_in_handshake(server: MockLLM) -> None:
    parts = urlsplit(server.listeners["tls"])
    raw = Raw(f"http://{parts.netloc}")
    context = ssl.create_default_context(cadata=server.ca_pem)
    with pytest.raises(ssl.SSLEOFError):
        context.wrap_socket(raw.sock, server_hostname="localhost")
    raw.close()


def drip_beats_read_timeout(server: MockLLM) -> None:
    with connected(server.url) as raw:
        raw.send(chat())
        raw.read_until(b'" answer"')
        for _ in range(3):
            raw.read_until(b"d\r\n: keepalive\n\n\r\n")
        assert server.calls[0].outcome.ending == "playing"


def utf8_split(server: MockLLM) -> None:
    data, _ = talk(server)
    first = CJK[0].encode()
    assert b"1\r\n%c\r\n1\r\n%c\r\n1\r\n%c\r\n" % tuple(first) in data
    assert text_of(body(data)) == CJK


def kserve_two_error_schemas(server: MockLLM) -> None:
    first, second, third = (talk(server, stream=False)[0] for _ in range(3))
    assert first.endswith(b'\r\n\r\n{"error":"ValueError : too long"}')
    assert second.endswith(
        b'\r\n\r\n{"error":{"code":"500","message":"too long","param":"","type":"OpenAIError"}}'
    )
    assert b'"object":"chat.completion"' in third


def html_inside_stream(server: MockLLM) -> None:
    data, _ = talk(server)
    assert b"<html><head><title>502 Bad Gateway</title></head></html>\r\n\r\ndata: " not in data
    assert b"<title>502 Bad Gateway</title>" in body(data)
    assert data.endswith(LAST_CHUNK)


def error_glued_into_open_event(server: MockLLM) -> None:
    lines = [line for line in body(talk(server)[0]).split(b"\n\n") if b'{"error"' in line]
    assert len(lines) == 1
    assert lines[0].startswith(b'data: {"id"')
    assert b'data: {"error":{"message":"Connection Error"' in lines[0]


def openai_stream_hang_600s(server: MockLLM) -> None:
    with connected(server.url) as raw:
        raw.send(chat())
        raw.read_until(b'" a"')
        raw.read_until(b"\n\n\r\n")
        assert raw.silent_for(0.2)


INCIDENTS: dict[str, tuple[str, Callable[[MockLLM], None]]] = {
    "NVIDIA-NeMo/Gym#1555": (
        "faults: [{close: rst, at: idle next-byte, first: 1}]",
        keepalive_close_race,
    ),
    "envoyproxy/envoy#15968": (
        "faults: [{close: fin, at: idle, every: 5, by: connection}]",
        connection_close_every_n,
    ),
    "encode/httpx#1450 (headers)": (
        "faults: [{encode: {split: {bytes: 1, gap: 1ms}}, at: head}]",
        headers_trickle,
    ),
    "timoklimmer/powerproxy-aoai#53": (
        "faults: [{encode: {framing: te+cl}}, {encode: {content-length: 999}}]",
        te_and_cl_together,
    ),
    "Wei-Shaw/claude-relay-service#1027": (
        "faults: [{encode: {gzip: flushed}}]",
        gzip_sse_read_as_text,
    ),
    "openai/openai-python#3819": ("faults: [{encode: bom}]", bom_at_start),
    "maximhq/bifrost#1829": (
        "script: tools2\nfaults: [{edit: {interleave: tool}}]",
        tool_deltas_interleaved,
    ),
    "rashidrazak/opencode-cmd-provider#213": (
        "faults:\n"
        "  - edit: {patch: {usage: {prompt_tokens: 21, completion_tokens: '{{n}}', "
        "total_tokens: '{{n+21}}'}}}\n"
        "    at: frame *",
        usage_on_every_chunk,
    ),
    "jundot/omlx#2066": (
        'faults: [{send: {raw: "\\n", every: 1s, for: 3s}, at: head}]',
        whitespace_before_json,
    ),
    "esengine/DeepSeek-Reasonix#3953": (
        "routes:\n"
        "  - match: {json: {'messages.1.tool_calls.1.function.arguments': '{\"tz\": \"'}}\n"
        "    faults: [{fail: {status: 400, message: 'Expecting property name enclosed in double "
        "quotes: line 1 column 2 (char 1)'}}]\n"
        "  - script: tools2\n"
        "    faults: [{edit: drop, at: tool 2 last}]",
        broken_args_poison_history,
    ),
    "api7/aisix#159": (
        "faults: [{close: rst, at: upload 256KiB}]",
        early_reset_during_upload,
    ),
    "acheong08/ChatGPT#534": (
        "listeners: [{name: tls, tls: true, faults: [{close: fin, at: tls}]}]",
        tls_eof_in_handshake,
    ),
    "encode/httpx#1450 (comments)": (
        "faults: [{send: {comment: keepalive, every: 4s, for: forever}}]",
        drip_beats_read_timeout,
    ),
    "xberg-io/liter-llm#152": (
        "script: cjk60\nfaults: [{encode: {split: {bytes: 1}}, at: frame 1..8}]",
        utf8_split,
    ),
    "kserve/kserve#3887": (
        "faults:\n"
        "  - {fail: {status: 500, shape: kserve, message: 'ValueError : too long'}, nth: 1}\n"
        "  - {fail: {status: 500, shape: kserve-openai, message: too long}, nth: 2}",
        kserve_two_error_schemas,
    ),
    "a gateway's page inside a stream": (
        'faults: [{send: {raw: "<html><head><title>502 Bad Gateway</title></head></html>\\r\\n"}, '
        "at: after frame 10}]",
        html_inside_stream,
    ),
    "an error without the blank line before it": (
        "faults:\n"
        "  - {edit: {truncate: 60}, at: frame 10}\n"
        "  - {encode: {terminator: false}, at: frame 10}\n"
        '  - {send: {raw: "\\ndata: {\\"error\\":{\\"message\\":\\"Connection Error\\"}}\\n\\n"}, '
        "at: after frame 10}\n"
        "  - {close: clean, at: after frame 10}",
        error_glued_into_open_event,
    ),
    "openai/openai-python#334": (
        "faults: [{wait: forever, at: after content 3}]",
        openai_stream_hang_600s,
    ),
}


@pytest.mark.parametrize("name", INCIDENTS)
def test_incident(name: str) -> None:
    """What was seen then is what a raw socket sees now."""
    text, check = INCIDENTS[name]
    with MockLLM(f"mockllm: 1\n{text}\n", speed=50) as server:
        check(server)
