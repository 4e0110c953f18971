"""A careful client, with nothing but Python: what the incidents of the library teach.

It reads server-sent events as their standard says, knows an answer that broke off from a whole one,
holds a deadline over every attempt, tries again only what may succeed, waits as long as the server
says, and tells its caller what happened.
"""

from __future__ import annotations

import codecs
import contextlib
import email.utils
import http.client
import json
import os
import random
import re
import socket
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

RETRIED = {408, 409, 429, 500, 502, 503, 504, 529}
FINAL = {"insufficient_quota", "context_length_exceeded"}
"""Codes of errors that no retry helps."""
TOO_LONG = "maximum context length"
"""What servers say of a prompt that is too long, some of them with status 500."""
FINISHED = {"stop", "tool_calls", "content_filter"}
"""Finish reasons of an answer that is whole."""
PAUSE = 0.5
"""Seconds before the second attempt; doubled each time, and shaken."""
LONGEST_PAUSE = 5.0
"""A server that says to come back later than that is given up."""
MOST = 8 << 20
"""Bytes of an answer that are taken."""
LINE_END = re.compile("\r\n|\n|\r")


class Failed(Exception):
    """An attempt that gave no answer; `again`: the next one may."""

    def __init__(self, message: str, *, again: bool = False, **told: Any) -> None:
        super().__init__(message)
        self.again, self.told = again, {"kind": "typed", **told}
        self.after: float | None = None


@dataclass
class Tool:
    """A tool call, as far as it has come."""

    index: object
    id: str | None
    name: str = ""
    arguments: str = ""


@dataclass
class Answer:
    """What has come so far."""

    text: str = ""
    finish: str | None = None
    usage: int | None = None
    model: str | None = None
    tools: list[Tool] = field(default_factory=list)
    done: bool = False
    left: bool = False
    """Whether the caller wanted no more."""

    def take(self, data: str, event: str = "") -> None:
        """Add a document: a chunk of a stream, or a whole answer."""
        try:
            document = json.loads(data)
        except ValueError:
            raise Failed(f"this is no JSON: {data[:80]}") from None
        if not isinstance(document, dict):
            raise Failed(f"expected a JSON object, got {data[:80]}")
        if document.get("error") or event == "error":
            raise Failed(f"the server says: {message_of(data)}", **details(document))
        self.model = document.get("model") or self.model
        self.usage = (document.get("usage") or {}).get("completion_tokens", self.usage)
        for choice in document.get("choices") or []:
            part = choice.get("delta") or choice.get("message") or {}
            self.text += part.get("content") or ""
            self.finish = choice.get("finish_reason") or self.finish
            for call in part.get("tool_calls") or []:
                self.add(call)

    def add(self, call: dict[str, Any]) -> None:
        """Add a piece of a tool call: another id begins another call, whatever its index says."""
        index, name = call.get("index"), call.get("id")
        same = [tool for tool in self.tools if tool.index == index]
        if not same or (name and same[-1].id != name):
            same = [Tool(index, name)]
            self.tools += same
        function = call.get("function") or {}
        same[-1].name += function.get("name") or ""
        same[-1].arguments += function.get("arguments") or ""

    def check(self) -> None:
        """Refuse what broke off: nobody said that it ends here."""
        if self.left:
            return
        if self.finish is not None and self.finish not in FINISHED:
            raise Failed(f"the answer was cut short (finish_reason {self.finish})")
        if self.finish is None and not self.done:
            raise Failed("the answer broke off")
        if not self.text and not self.tools:
            raise Failed("the answer is empty")
        for tool in self.tools:
            try:
                json.loads(tool.arguments or "{}")
            except ValueError:
                raise Failed(f"the arguments of {tool.name} broke off") from None


def message_of(body: str) -> str:
    """What an error says, in whatever shape."""
    try:
        found = json.loads(body)
    except ValueError:
        return body[:300]
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(key):
            found = found[key]
    return str(found)[:300]


def details(document: Any) -> dict[str, Any]:
    """The code of an error."""
    error = document.get("error") if isinstance(document, dict) else None
    return {"code": error.get("code")} if isinstance(error, dict) else {}


def refused(status: int, body: str, after: str | None) -> Failed:
    """An error with a status: whether it is tried again, and when."""
    try:
        code = details(json.loads(body)).get("code")
    except ValueError:
        code = None
    again = status in RETRIED and code not in FINAL and TOO_LONG not in body
    error = Failed(f"HTTP {status}: {message_of(body)}", again=again, status=status, code=code)
    error.after = seconds(after)
    return error


def seconds(after: str | None) -> float | None:
    """Retry-After: seconds or a date; nothing for what makes no sense."""
    if after is None:
        return None
    try:
        wait = float(after)
    except ValueError:
        try:
            wait = email.utils.parsedate_to_datetime(after).timestamp() - time.time()
        except ValueError:
            return None
    return wait if 0 < wait < float("inf") else None


def attempt(deadline: float) -> Answer:
    """Ask once; raises `Failed`."""
    url = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = kinds[url.scheme](url.hostname or "", url.port, timeout=left(deadline))
    try:
        connection.request("POST", f"{url.path}/chat/completions", *request())
        sock = connection.sock
        # A head that trickles beats every limit on silence; this one holds.
        guard = threading.Timer(left(deadline), shut, [sock])
        guard.start()
        try:
            response = connection.getresponse()
        finally:
            guard.cancel()
        body = pieces(response, sock, deadline)
        if response.status >= 300:  # a redirect too: who follows it gives the key to somebody
            text = b"".join(body).decode("utf-8", "replace")
            raise refused(response.status, text, response.getheader("retry-after"))
        return read(response, body)
    except TimeoutError:
        # Not again: the server may have carried it out, and would bill it twice.
        raise Failed("no answer in time", kind="timeout") from None
    except (OSError, http.client.HTTPException) as error:
        if time.monotonic() >= deadline:
            raise Failed("no answer in time", kind="timeout") from None
        raise Failed(f"the connection failed: {error!r}", again=True) from None
    finally:
        connection.close()


def shut(sock: socket.socket) -> None:
    """End a connection from another thread, whatever it waits for."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def request() -> tuple[bytes, dict[str, str]]:
    """Body and headers."""
    tools = os.environ.get("MOCKLLM_TOOLS")
    body = {
        "model": os.environ["MOCKLLM_MODEL"],
        "stream": os.environ["MOCKLLM_STREAM"] == "1",
        "messages": [{"role": "user", "content": os.environ["MOCKLLM_MESSAGE"]}],
        **({"tools": json.loads(tools)} if tools else {}),
        **({"stream_options": {"include_usage": True}} if wants_usage() else {}),
    }
    headers = {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Bearer {os.environ['OPENAI_API_KEY']}",
    }
    return json.dumps(body).encode(), headers


def wants_usage() -> bool:
    """Whether the caller wants the tokens, which a stream tells only if it is asked."""
    return os.environ["MOCKLLM_STREAM"] == os.environ.get("MOCKLLM_USAGE") == "1"


def left(deadline: float) -> float:
    """Seconds until the deadline; raises `TimeoutError` when it is over."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def pieces(
    response: http.client.HTTPResponse, sock: socket.socket, deadline: float
) -> Iterator[bytes]:
    """The body as it comes, with the deadline over all of it and not over each silence."""
    size = 0
    while size < MOST:
        if response.isclosed():
            return  # Python 3.13 closes response and socket with the last byte
        sock.settimeout(left(deadline))
        part = response.read1(65536)
        if not part:
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
            return
        size += len(part)
        yield part
    raise Failed(f"the answer is longer than {MOST} bytes")


def read(response: http.client.HTTPResponse, body: Iterator[bytes]) -> Answer:
    """An answer: events if it was asked for as a stream, else one document."""
    answer = Answer()
    if os.environ["MOCKLLM_STREAM"] == "1" and "json" not in (
        response.getheader("content-type") or ""
    ):
        most = int(os.environ.get("MOCKLLM_LEAVES_AFTER") or 0)
        for number, (event, data) in enumerate(events(body), 1):
            if data == "[DONE]":
                answer.done = True
                break
            answer.take(data, event)
            if number == most:  # whoever stops reading also leaves, and soon
                time.sleep(float(os.environ["MOCKLLM_PAUSE"]))
                answer.left = True
                break
    else:
        answer.take(b"".join(body).decode("utf-8-sig"))
    answer.check()
    return answer


def events(body: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """Name and data of the events: any line ends, comments, several data lines."""
    name, data = "", list[str]()
    for line in lines(body):
        key, _, value = line.partition(":")
        if key == "data":
            data.append(value.removeprefix(" "))
        elif key == "event":
            name = value.strip()
        elif not line and data:
            yield name, "\n".join(data)
            name, data = "", []
    if data:
        yield name, "\n".join(data)  # some servers forget the last blank line


def lines(body: Iterator[bytes]) -> Iterator[str]:
    """The lines of a body; a CR at the end of a piece may be half of a line end."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    first = True
    for part in body:
        text = decoder.decode(part)
        rest += text.removeprefix("\ufeff") if first else text
        first = first and not text
        while (found := LINE_END.search(rest)) and found.end() < len(rest) + (found[0] != "\r"):
            yield rest[: found.start()]
            rest = rest[found.end() :]
    yield from LINE_END.split(rest + decoder.decode(b"", final=True))


def ask() -> Answer:
    """Ask until it works, within the limits; raises `Failed`."""
    retries, limit = int(os.environ["MOCKLLM_RETRIES"]), float(os.environ["MOCKLLM_TIMEOUT"])
    for number in range(retries + 1):
        try:
            return attempt(time.monotonic() + limit)
        except Failed as error:
            pause = PAUSE * 2**number * random.uniform(0.75, 1.25)
            wait = max(pause, error.after or 0.0)
            if not error.again or number == retries or wait > LONGEST_PAUSE:
                raise
            time.sleep(wait)
    raise AssertionError("not reached")


def main() -> int:
    """Ask, and tell what came; 1 if nothing did."""
    try:
        answer = ask()
    except Failed as error:
        told = {key: value for key, value in error.told.items() if value is not None}
        print(json.dumps({"error": {"name": "Failed", "message": str(error), **told}}))
        return 1
    if answer.left:
        print(json.dumps({"left": True}))
        return 0
    calls = [[tool.name, tool.arguments] for tool in answer.tools]
    told = {"text": answer.text, "finish": answer.finish, "tool_calls": calls}
    more = {"usage": answer.usage, "model": answer.model}
    print(json.dumps(told | {key: value for key, value in more.items() if value is not None}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
