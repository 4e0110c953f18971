"""The bytes of a response as they come: where the head ends, what is framing, when it is whole.

What is read is told apart, and nothing is changed: the bytes of the parts, put together, are the
bytes that came. Source: RFC 9112 sections 4, 6 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockllm.timeline.events import Head

MAX_HEAD = 256 << 10
"""Bytes after which a head without an end counts as no HTTP."""
MAX_SIZE_LINE = 4096
LAST = b"0\r\n\r\n"
"""The end of a chunked body without trailers."""
Kind = Literal["head", "data", "last", "raw"]
Framing = Literal["chunked", "length", "close", "none"]


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a response that belong together, and that one read brought.

    `head`: a whole head, interim ones among them, whatever number of reads it took. `data`: bytes
    of the body; in a chunked body exactly one chunk, framed in the plain way. `last`: the plain end
    of a chunked body. `raw`: anything else.
    """

    kind: Kind
    raw: bytes
    """As it stood on the wire."""
    data: bytes = b""
    """What of the body is in it, without framing."""


class ResponseReader:
    """Reads one response. `method` is the request's: the answer to HEAD has no body."""

    def __init__(self, method: str = "POST") -> None:
        self._method = method
        self._pending = b""
        self._chunks = Chunks()
        self._left = 0
        self.head: Head | None = None
        """The final head, once it is there."""
        self.http10 = False
        self.framing: Framing = "close"
        self.broken = False
        """Whether it does not begin as HTTP does."""

    @property
    def rest(self) -> bytes:
        """The bytes of a head that has not ended."""
        return self._pending

    @property
    def complete(self) -> bool:
        """Whether the response is whole, without looking at the end of its connection."""
        if self.head is None:
            return False
        match self.framing:
            case "chunked":
                return self._chunks.done
            case "length":
                return self._left == 0
            case "none":
                return True
            case "close":
                return False

    @property
    def closes(self) -> bool:
        """Whether the end of the connection follows a whole response."""
        if self.head is None or self.framing == "close":
            return True
        return self.head.has("connection", "close") or (
            self.http10 and not self.head.has("connection", "keep-alive")
        )

    def feed(self, data: bytes) -> list[Part]:
        """The parts that are there with these bytes; those of a head wait for its end."""
        parts: list[Part] = []
        while self.head is None and not self.broken:
            data, self._pending = self._pending + data, b""
            found = end_of_head(data)
            if found is None:
                if not may_be_http(data) or len(data) > MAX_HEAD:
                    self.broken = True
                    break
                self._pending = data
                return parts
            raw, data = data[:found], data[found:]
            if not self._begin(raw):
                parts.append(Part("raw", raw, raw))
                self.broken = True
                break
            parts.append(Part("head", raw))
            if not data:
                return parts
        if data:
            parts += self._body(data)
        return parts

    def _begin(self, raw: bytes) -> bool:
        """Read a head; False where it is none."""
        lines = raw.decode("latin-1").replace("\r\n", "\n").rstrip("\n").split("\n")
        version, _, rest = lines[0].partition(" ")
        status, _, reason = rest.partition(" ")
        if not version.startswith("HTTP/") or not (status.isascii() and status.isdigit()):
            return False
        headers = tuple(
            (name, value.strip(" \t"))
            for name, colon, value in (line.partition(":") for line in lines[1:])
            if colon
        )
        head = Head(int(status), headers, reason)
        if 100 <= head.status < 200 and head.status != 101:
            return True
        self.head, self.http10 = head, version == "HTTP/1.0"
        self._frame(head)
        return True

    def _frame(self, head: Head) -> None:
        """How the body behind a head is framed."""
        length = head.get("content-length") or ""
        if self._method == "HEAD" or head.status in (204, 304):
            self.framing = "none"
        elif head.has("transfer-encoding", "chunked"):
            self.framing = "chunked"
        elif length.isascii() and length.isdigit() and head.status != 101:
            self.framing, self._left = "length", int(length)

    def _body(self, data: bytes) -> list[Part]:
        """The parts of the body in one read."""
        if self.head is None or self.framing == "close":
            return [Part("data" if self.head else "raw", data, data)]
        if self.framing == "chunked":
            return self._chunks.feed(data)
        inside, beyond = data[: self._left], data[self._left :]
        self._left -= len(inside)
        parts = [Part("data", inside, inside)] if inside else []
        return [*parts, Part("raw", beyond)] if beyond else parts


class Chunks:
    """Reads a chunked body."""

    def __init__(self) -> None:
        self._state: Literal["size", "data", "end", "trailer", "done", "broken"] = "size"
        self._line = b""
        self._left = 0

    @property
    def done(self) -> bool:
        """Whether the last chunk and its trailers have been read."""
        return self._state == "done"

    def feed(self, read: bytes) -> list[Part]:
        """The parts of one read; a chunk that is torn over several is `raw` in each of them."""
        parts: list[Part] = []
        at = start = 0
        data = b""
        while at < len(read) and self._state not in ("done", "broken"):
            if self._state == "data":
                bit = read[at : at + self._left]
                data += bit
                at += len(bit)
                self._left -= len(bit)
                if not self._left:
                    self._state = "end"
                continue
            found = read.find(b"\n", at) + 1
            self._line += read[at : found or len(read)]
            at = found or len(read)
            if not found:
                if len(self._line) > MAX_SIZE_LINE:
                    self._state = "broken"
                break
            if self._take_line():
                parts.append(part_of(read[start:at], data, last=self.done))
                start, data = at, b""
        if start < len(read):
            parts.append(Part("raw", read[start:], data))
        return parts

    def _take_line(self) -> bool:
        """One line of framing; True where a chunk or the body is over with it."""
        line, self._line = self._line, b""
        match self._state:
            case "size":
                size = line.split(b";")[0].strip()
                try:
                    self._left = int(size, 16)
                except ValueError:
                    self._state = "broken"
                    return False
                if self._left < 0 or b"_" in size:
                    self._state = "broken"
                else:
                    self._state = "data" if self._left else "trailer"
                return False
            case "end":
                self._state = "size" if not line.strip() else "broken"
                return self._state == "size"
            case _:
                if line.strip():
                    return False
                self._state = "done"
                return True


def part_of(raw: bytes, data: bytes, *, last: bool) -> Part:
    """A chunk, or the end of the body, as the plain form of it where it has that."""
    if last:
        return Part("last" if raw == LAST else "raw", raw)
    return Part("data" if raw == chunk(data) else "raw", raw, data)


def chunk(data: bytes) -> bytes:
    """A chunk in the plain form: its size in small letters, no extensions."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def end_of_head(data: bytes) -> int | None:
    """Where the body begins; None while the head has not ended."""
    found = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    return min(found) if found else None


def may_be_http(data: bytes) -> bool:
    """Whether bytes are, or may become, the beginning of a response."""
    return b"HTTP/".startswith(data[:5]) or data.startswith(b"HTTP/")
