"""A cassette as text: YAML that people read, and that comes back as the same bytes.

Each exchange is one YAML document, ended by a line `...`: what has no such line was not written to
its end. Texts stand as they are (`|`) where YAML keeps every character, else in quotes, and bytes
that are no UTF-8 in base64 (`data64`).
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence

from mockllm.cassettes.cassette import VERSION, Exchange, Recording
from mockllm.cassettes.playing import EVENT_END, frames_apart
from mockllm.cassettes.response import Part
from mockllm.timeline.events import Frame

END = "...\n"
"""The line that ends a document."""
KEY = "mockllm-cassette"
PRINTABLE = r"\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
LITERAL = re.compile(rf"(?:[\t{PRINTABLE}]*\n)*[\t{PRINTABLE}]*")
TRICKY = re.compile(r"\A[ \t\n]|^[ \t]+$", re.MULTILINE)
"""What a literal text would not keep, or where its indentation could not be told."""
PLAIN = re.compile(rf"[{PRINTABLE}]*")
SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def header_text(upstream: str, wire: str = "", redacted: Sequence[str] = ()) -> str:
    """The first document of a cassette."""
    lines = ["# Recorded exchanges; docs/recording.md tells the format.", f"{KEY}: {VERSION}"]
    lines += [f"upstream: {quoted(upstream)}"] if upstream else []
    lines += [f"wire: {quoted(wire)}"] if wire else []
    lines += [f"redacted: [{', '.join(map(quoted, redacted))}]"] if redacted else []
    return "\n".join(lines) + "\n" + END


def exchange_text(exchange: Exchange) -> str:
    """One exchange, with its end."""
    return text_of_lines(exchange_lines(exchange))


def text_of_lines(lines: Iterable[str]) -> str:
    """The lines of an exchange as one document."""
    return "\n".join(lines) + "\n" + END


def exchange_lines(exchange: Exchange) -> Iterator[str]:
    """The lines of an exchange, made as they are asked for: a long one takes milliseconds."""
    request = exchange.request
    yield from ("---", "request:")
    if request.time:
        yield f"  time: {quoted(request.time)}"
    yield f"  line: {quoted(f'{request.method} {request.target}')}"
    if request.headers:
        headers = "".join(f"{name}: {value}\n" for name, value in request.headers)
        yield from keyed("headers", headers.encode("utf-8", "surrogateescape"), "  ")
    if request.body:
        yield from keyed("body", request.body, "  ")
    yield "response:"
    yield from response_lines(exchange.recording)


def response_lines(recording: Recording) -> Iterator[str]:
    """The parts of a response, how it ended, and its frames where the parts do not show them."""
    shown = True
    for at, part in recording.told():
        shown = shown and shows_frames(part)
        yield f"- at: {at}"
        yield from part_lines(part)
    yield f"- at: {recording.ended}"
    yield f"  end: {recording.ending}"
    apart = () if shown else frames_apart(recording)
    if apart:
        yield "# The frames in these bytes:"
    for at, frame in apart:
        text = json.dumps(frame.data.decode("utf-8", "replace"))
        yield f"#   at {at} {kind_of(frame)}: {text}"


def shows_frames(part: Part) -> bool:
    """Whether a part of a stream is a frame as it is, or none at all."""
    if part.kind != "data":
        return part.kind != "raw"
    found = EVENT_END.search(part.data)
    return found is not None and found.end() == len(part.data)


def kind_of(frame: Frame) -> str:
    """What a frame is, in a word or two."""
    return frame.kinds[-1] + (f" {frame.part}" if frame.part else "")


def part_lines(part: Part) -> Iterator[str]:
    """One part under the key that says what it is."""
    match part.kind:
        case "head" if part.raw.endswith(b"\r\n\r\n") and head_bytes(head_text(part)) == part.raw:
            yield from keyed("head", head_text(part).encode(), "  ")
        case "data":
            yield from keyed("data", part.data, "  ")
        case "last":
            yield '  data: ""'
        case _:
            yield from keyed("raw", part.raw, "  ")


def head_text(part: Part) -> str:
    """A head with plain ends of lines."""
    return part.raw.decode("utf-8", "replace").replace("\r\n", "\n")[:-1]


def head_bytes(text: str) -> bytes:
    """A head as it stands on the wire."""
    return (text.rstrip("\n").replace("\n", "\r\n") + "\r\n\r\n").encode()


def keyed(key: str, data: bytes, indent: str) -> list[str]:
    """A key with a text, or with base64 under the key of that."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return [f"{indent}{key}64: {b64encode(data).decode()}"]
    if not text or TRICKY.search(text) or not LITERAL.fullmatch(text):
        return [f"{indent}{key}: {quoted(text)}"]
    kept = text.rstrip("\n")
    chomping = {0: "-", 1: ""}.get(len(text) - len(kept), "+")
    lines = text.split("\n")
    if text.endswith("\n"):
        lines.pop()
    return [
        f"{indent}{key}: |{chomping}",
        *(f"{indent}  {line}" if line else "" for line in lines),
    ]


def quoted(text: str) -> str:
    """A text in double quotes, on one line."""
    return '"' + "".join(map(escaped, text)) + '"'


def escaped(letter: str) -> str:
    """A character as it stands in double quotes."""
    if letter in SHORT:
        return SHORT[letter]
    if PLAIN.fullmatch(letter):
        return letter
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
