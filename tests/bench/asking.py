"""What is asked of every server, and how an answer is known to be whole."""

from __future__ import annotations

import http.client
import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.bench.process import Broken

FRAMES = 50
"""The frames with text in a stream."""
PACE = 20.0
"""Milliseconds of TTFT and of ITL where streams are paced."""
SHORT = 5.0
"""Milliseconds of ITL where it is short: 200 tokens a second and stream."""
MODEL = "gpt-4o-mini"
NUMBER = "00000000"
"""What the loads put a running number in the place of: no two requests are equal."""
PROMPT = f"hello there {NUMBER}"
REPEATED = "hello there, once more"
"""A prompt without a number, for loads that ask the same again and again."""
TEXT = " ".join(f"w{number:02}" for number in range(1, FRAMES + 1))
"""Fifty words of three letters: with the blanks fifty pieces of four characters but the last."""
TIMEOUT = 60.0

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@dataclass(frozen=True)
class Ask:
    """One request, and the marks of a whole answer to it."""

    path: str
    body: dict[str, Any] = field(hash=False)
    mark: str = '"content":'
    """What stands before the text of a frame."""
    end: str = "data: [DONE]"

    @property
    def payload(self) -> bytes:
        """The body as bytes."""
        return json.dumps(self.body).encode()


def chat(prompt: str = PROMPT, *, stream: bool, model: str = MODEL) -> Ask:
    """A chat completion."""
    messages = [{"role": "user", "content": prompt}]
    body = {"model": model, "max_tokens": FRAMES, "messages": messages, "stream": stream}
    return Ask("/v1/chat/completions", body)


def tools() -> Ask:
    """A streamed call of a tool."""
    asked = chat(f"call a tool {NUMBER}", stream=True)
    return Ask(asked.path, {**asked.body, "tools": [TOOL]}, mark='"arguments":')


def responses() -> Ask:
    """A stream of the Responses API."""
    body = {"model": MODEL, "input": PROMPT, "stream": True}
    return Ask("/v1/responses", body, mark='"delta":', end="response.completed")


def probed(port: int, ask: Ask, *, status: int = 200) -> tuple[str, int]:
    """Ask once; the answer, and how many frames of it have text.

    Raises `Broken` for another status, an empty answer, or a stream without its end.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-x"}
    try:
        connection.request("POST", ask.path, ask.payload, headers)
        response = connection.getresponse()
        text = response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise Broken(f"POST {ask.path}: {type(error).__name__}: {error}") from None
    finally:
        connection.close()
    if response.status != status:
        raise Broken(f"POST {ask.path}: expected {status}, got {response.status}: {text[:500]}")
    if ask.body.get("stream") and status == 200 and ask.end not in text:
        raise Broken(f"POST {ask.path}: the stream has no {ask.end!r}: …{text[-500:]}")
    found = len(frames(text, ask.mark))
    if status == 200 and not found:
        raise Broken(f"POST {ask.path}: no frame with {ask.mark} and text in it: {text[:500]}")
    return text, found


def frames(text: str, mark: str) -> list[str]:
    """The places where a mark is followed by a string that is not empty, as the load counts."""
    return re.findall(re.escape(mark) + r' ?"[^"]', text)
