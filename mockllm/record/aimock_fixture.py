"""One fixture of aimock in the words of a profile: for whom, what is said, how fast, what goes wrong.

What has no such words is noted with its place, and never dropped in silence. Sources (read in the
package `@copilotkit/aimock` 1.43.0): `dist/types.d.ts` (the keys), `router.js` (how a request
matches), `helpers.js` and `sse-writer.js` (chunks, delays, errors), `interruption.js`, `chaos.js`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

CHAT = ["openai.chat", "openai.responses", "anthropic.messages"]
"""The APIs for which aimock answers with text and calls of tools, and mockllm too."""
EMBEDDINGS = "openai.embeddings"
CHUNK = 20
"""Characters in a chunk of aimock, where nothing else is said."""
MOST = 1000
"""Scripts of one route."""
HURRIED = {"ttft": "0s", "itl": "0s"}
"""How fast aimock answers, where nothing else is said."""
LIMITED = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-reset-tokens": "6m0s",
}
"""The headers of each 429 of aimock."""
COMMENT = "$comment"
"""A key that changes no answer."""
SERVER_S = "the server makes it"
WHY = {
    "id": SERVER_S,
    "created": SERVER_S,
    "model": "the answer names the model that was asked for",
    "role": "it is always assistant",
    "systemFingerprint": SERVER_S,
    "provider": "there is no OpenRouter here",
    "nativeFinishReason": "there is no OpenRouter here",
    "fallthrough": "there is no OpenRouter here",
    "openRouterProcessing": "there is no OpenRouter here",
    "reasoningSignature": SERVER_S,
    "redactedThinking": "there are no such blocks",
    "webSearches": "there is no search",
}
"""Why something is not carried over."""

Words = dict[str, Any]


class NotCarried(Exception):
    """A fixture has no counterpart; the message is the place in it and the reason."""


@dataclass(frozen=True, slots=True)
class Made:
    """A fixture in the words of a profile."""

    place: str
    name: str
    match: Words
    script: Words | None
    """None for an error, which is a fault."""
    pacing: Words
    faults: tuple[Words, ...]
    cuts: tuple[Words, ...]
    """The faults of streams alone."""
    sequence: int | None
    turn: int | None


@dataclass(slots=True)
class Part:
    """A mapping of the file, of which each key is taken or noted."""

    place: str
    values: Words
    notes: list[str]
    taken: set[str] = field(default_factory=set)

    def take(self, key: str, *kinds: type) -> Any:
        """The value under a key; None where there is none, and with a note where it is of another
        type."""
        self.taken.add(key)
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            wanted = " or ".join(names[kind] for kind in kinds if kind in names)
            self.note(key, f"expected {wanted}, got {json.dumps(value)[:60]}; it is left out")
            return None
        return value

    def under(self, key: str) -> Part:
        """The mapping under a key."""
        return Part(f"{self.place}.{key}", self.take(key, dict) or {}, self.notes)

    def note(self, key: str, what: str) -> None:
        """Note what is not carried over, or not as it was."""
        self.notes.append(f"{self.place}.{key}: {what}")

    def rest(self) -> None:
        """Note every key that nobody has taken."""
        for key in self.values:
            if key not in self.taken and key != COMMENT:
                why = WHY.get(key)
                self.note(key, f"is not carried over{f': {why}' if why else ''}")


names = {
    str: "a text",
    int: "a number",
    dict: "a mapping",
    list: "a list",
    bool: "true or false",
}


def made(place: str, name: str, entry: object, notes: list[str]) -> Made:
    """A fixture; raises `NotCarried`."""
    if not isinstance(entry, dict):
        raise NotCarried(
            f"expected a mapping with match and response, got {json.dumps(entry)[:60]}"
        )
    fixture = Part(place, entry, notes)
    asked, said = fixture.under("match"), fixture.under("response")
    of_embeddings = isinstance(said.values.get("embedding"), list)
    sequence, turn = asked.take("sequenceIndex", int), asked.take("turnIndex", int)
    if sequence is not None and not 0 <= sequence < MOST:
        raise NotCarried(f"match.sequenceIndex: expected one from 0 to {MOST - 1}, got {sequence}")
    if turn is not None and turn >= MOST:
        raise NotCarried(f"match.turnIndex: expected one up to {MOST - 1}, got {turn}")
    match = match_of(asked, of_embeddings=of_embeddings)
    faults = list(chaos_of(fixture.under("chaos")))
    script: Words | None = None
    size = fixture.take("chunkSize", int)
    size = None if size is None else max(1, size)
    chunks = fixture.take("truncateAfterChunks", int)
    if of_embeddings:
        faults.append(embedding_of(said))
    elif isinstance(said.values.get("error"), dict):
        faults.append(error_of(said))
    else:
        script = script_of(said, CHUNK if size is None and chunks is not None else size)
    pacing = pacing_of(fixture)
    cuts = cuts_of(fixture, chunks, pacing)
    fixture.take("metadata", dict)  # what the recorder of aimock has noted for itself
    for part in (asked, said, fixture):
        part.rest()
    return Made(
        place,
        name,
        match,
        script,
        pacing if script is not None else HURRIED,
        tuple(faults),
        tuple(cuts) if script is not None else (),
        sequence,
        turn,
    )


# For whom


def match_of(asked: Part, *, of_embeddings: bool) -> Words:
    """The conditions of a route."""
    match: Words = {"wire": wire_of(asked, of_embeddings=of_embeddings)}
    match |= texts_of(asked)
    body: Words = {}
    if (id := asked.take("toolCallId", str)) is not None:
        body |= {"messages.-1.role": "tool", "messages.-1.tool_call_id": id}
        asked.note("toolCallId", "is carried over for OpenAI's chat API alone")
    if (form := asked.take("responseFormat", str)) is not None:
        body["response_format.type"] = form
    if body:
        match["json"] = body
    if (tool := asked.take("toolName", str)) is not None:
        match["tools"] = tool
    if (model := asked.take("model", str)) is not None:
        # The model, or a dated release of it: gpt-4o takes gpt-4o-2024-11-20, not gpt-4o-mini.
        match["model"] = [model, *(f"{model}-{digit}*" for digit in range(10))]
    if (context := asked.take("context", str)) is not None:
        match["header"] = {"x-aimock-context": context}
    return match


def wire_of(asked: Part, *, of_embeddings: bool) -> Any:
    """The APIs that a fixture answers."""
    endpoint = asked.take("endpoint", str)
    if endpoint not in (None, "chat", "embedding"):
        raise NotCarried(f"match.endpoint: there is no API for '{endpoint}' here")
    if endpoint == "embedding" or of_embeddings or "inputText" in asked.values:
        return EMBEDDINGS
    return CHAT


def texts_of(asked: Part) -> Words:
    """The conditions on what is said."""
    match: Words = {}
    for key in ("userMessage", "inputText"):
        if (text := asked.take(key, str)) is not None:
            match["message"] = phrase(text)
    system = asked.take("systemMessage", str, list)
    if isinstance(system, str):
        match["system"] = phrase(system)
    elif system:
        match["system"] = f"/(?s){''.join(f'(?=.*{re.escape(str(one))})' for one in system)}/"
    if (has := asked.take("hasToolResult", bool)) is not None:
        match["tool_result"] = has
    if (text := asked.take("toolResultContains", str)) is not None:
        match["tool_result"] = phrase(text)
    return match


def phrase(text: str) -> str:
    """A part of a text, as a profile spells it: between slashes it would be a regular expression,
    and of no letters it is in any text."""
    if not text:
        return "/^/"
    between = len(text) >= 3 and text.startswith("/") and text.endswith("/")
    return f"/{re.escape(text)}/" if between else text


# What is said


def script_of(said: Part, size: int | None) -> Words:
    """The script of an answer; raises `NotCarried` where it is no text and no call of a tool."""
    blocks = said.take("blocks", list)
    content, calls = said.take("content", str, dict, list), said.take("toolCalls", list)
    parts: list[Words] = []
    if blocks:
        parts = [
            text_script(text_in(one), size)
            if one.get("type") == "text"
            else {"tool_calls": [call_of(one)]}
            for one in mappings(blocks)
        ]
    else:
        if content is not None and (content != "" or not calls):
            parts.append(
                text_script(content if isinstance(content, str) else spelled(content), size)
            )
        if calls:
            parts.append({"tool_calls": [call_of(one) for one in mappings(calls)]})
    if not parts:
        kinds = ", ".join(said.values) or "nothing"
        raise NotCarried(
            f"response: {kinds} says nothing that is carried over (text, toolCalls, error, embedding)"
        )
    script: Words = parts[0] if len(parts) == 1 else {"parts": parts}
    if reasoning := said.take("reasoning", str):
        script["reasoning"] = reasoning
    if (finish := said.take("finishReason", str)) is not None:
        script["finish"] = finish
    if usage := said.take("usage", dict):
        script["usage"] = usage_of(usage)
    return script


def text_in(block: Mapping[str, Any]) -> str:
    """The text of a block."""
    return str(block.get("text", ""))


def mappings(items: Iterable[Any]) -> list[Words]:
    """The items, which are all mappings; raises `NotCarried`."""
    found = list(items)
    for item in found:
        if not isinstance(item, dict):
            raise NotCarried(
                f"response: expected blocks and calls as mappings, got {spelled(item)}"
            )
    return found


def text_script(text: str, size: int | None) -> Words:
    """A text, in pieces of a word or of so many characters."""
    return {"text": text} if size is None else {"text": text, "characters": size}


def call_of(call: Mapping[str, Any]) -> Words:
    """A call of a tool; arguments are sent in the spelling of aimock."""
    arguments = call.get("arguments", "")
    found = {
        "name": str(call.get("name", "")),
        "arguments": arguments if isinstance(arguments, str) else spelled(arguments),
    }
    return found if call.get("id") is None else {**found, "id": str(call["id"])}


def usage_of(usage: Mapping[str, Any]) -> Words:
    """Tokens; aimock adds up a total that is not there."""
    found = dict(usage)
    total = [found[key] for key in ("prompt_tokens", "completion_tokens") if key in found]
    if total and "total_tokens" not in found:
        found["total_tokens"] = sum(total)
    return found


def spelled(value: Any) -> str:
    """JSON as JavaScript writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def error_of(said: Part) -> Words:
    """An error instead of an answer, in the form of the API that is called."""
    error = said.under("error")
    status = said.take("status", int) or 500
    if not 200 <= status <= 999:
        raise NotCarried(f"response.status: expected one from 200 to 999, got {status}")
    reply: Words = {"status": status}
    if (message := error.take("message", str)) is not None:
        reply["message"] = message.replace("{{", "{ {")
        if "{{" in message:
            error.note("message", "says { { for {{, which would be a placeholder here")
    reply["error_type"] = error.take("type", str) or "server_error"
    reply["code"] = error.take("code", str, int)
    if (param := error.take("param", str)) is not None:
        reply["param"] = param
    wait = said.take("retryAfter", int)
    if status == 429:
        reply["headers"] = {"retry-after": str(1 if wait is None else wait), **LIMITED}
    error.rest()
    return {"reply": reply}


def embedding_of(said: Part) -> Words:
    """The vector, whatever the input and the model."""
    vector = said.take("embedding", list)
    said.note(
        "embedding", "is carried over for one input, and names the model text-embedding-3-small"
    )
    document = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    }
    body = {"status": 200, "content_type": "application/json", "body": spelled(document)}
    return {"reply": body}


# How fast, and what goes wrong


def pacing_of(fixture: Part) -> Words:
    """The pacing of streams."""
    flat = fixture.take("latency", int, float) or 0
    speed = fixture.take("replaySpeed", int, float)
    recorded, profile = fixture.under("recordedTimings"), fixture.under("streamingProfile")
    tps, jitter = profile.take("tps", int, float), profile.take("jitter", int, float)
    first = profile.take("ttft", int, float)
    gaps = [gap for gap in recorded.take("interChunkDelaysMs", list) or () if is_time(gap)]
    begun = recorded.take("ttftMs", int, float)
    recorded.take("totalDurationMs", int, float)
    pacing: Words = dict(HURRIED)
    if profile.values:
        gap = 1000 / tps if tps else flat
        pacing = {"ttft": ms(gap if first is None else first)}
        pacing |= {"tps": float(tps)} if tps else {"itl": ms(flat)}
        if jitter:
            pacing |= {"jitter": share(jitter), "distribution": "uniform"}
        if recorded.values:
            fixture.note("recordedTimings", "is left out, as aimock does beside a streamingProfile")
    elif recorded.values:
        pacing = {"ttft": ms(begun or 0), "itl": ms(sum(gaps) / len(gaps) if gaps else 0)}
        if len(set(gaps)) > 1:
            recorded.note("interChunkDelaysMs", "is carried over as its mean")
    elif flat:
        pacing = {"ttft": ms(flat), "itl": ms(flat)}
    if speed and speed > 0 and pacing != HURRIED:
        pacing["speed"] = float(speed)
    recorded.rest()
    profile.rest()
    return pacing


def is_time(value: object) -> bool:
    """Whether aimock takes it for a delay."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def ms(value: float) -> str:
    """Milliseconds, in no more digits than are needed."""
    return f"{round(value, 3):.3f}".rstrip("0").rstrip(".") + "ms" if value > 0 else "0s"


def share(value: float) -> str:
    """A share."""
    return f"{min(value, 1.0) * 100:.6f}".rstrip("0").rstrip(".") + "%"


def cuts_of(fixture: Part, chunks: int | None, pacing: Words) -> list[Words]:
    """Streams that end early: after so many chunks, or so long after the request.

    Observed with Node.js 20: what aimock writes in one turn of its loop is lost when it closes the
    connection in that turn. So the last of the chunks never leaves, and without delays none does.
    """
    found: list[Words] = []
    after = fixture.take("disconnectAfterMs", int, float)
    timed = pacing != HURRIED
    if after is not None and not timed:
        fixture.note("disconnectAfterMs", "is left out: without a delay the stream ends before")
    elif after is not None:
        begins = float(pacing["ttft"].removesuffix("ms").removesuffix("s")) / pacing.get("speed", 1)
        if after <= begins:
            found += [{"wait": ms(after), "at": "request"}, {"close": "fin", "at": "request"}]
        else:
            found.append({"close": "fin", "at": f"t {ms(after - begins)}"})
    if chunks is not None:
        left = f"after frame {chunks - 1}" if timed and chunks > 1 else "request"
        found.append({"close": "fin", "at": left})
        if fixture.values.get("response", {}).get("toolCalls"):
            fixture.note("truncateAfterChunks", "counts frames whose arguments are cut otherwise")
    return found


def chaos_of(chaos: Part) -> Iterable[Words]:
    """What happens by chance; each draw is made where none before has hit, here as there."""
    kinds: dict[str, Words] = {
        "dropRate": {
            "fail": {
                "status": 500,
                "message": "Chaos: request dropped",
                "error_type": "server_error",
                "code": "chaos_drop",
            }
        },
        "malformedRate": {
            "reply": {
                "status": 200,
                "content_type": "application/json",
                "body": "{malformed json: <<<chaos>>>",
            }
        },
        "rateLimitRate": {
            "reply": {
                "status": 429,
                "message": "Chaos: rate limit exceeded",
                "error_type": "rate_limit_error",
                "code": "chaos_ratelimit",
                "headers": {"retry-after": "1", **LIMITED},
            }
        },
        "disconnectRate": {"close": "fin", "at": "request"},
    }
    if wait := chaos.take("latencyMs", int, float):
        yield {"wait": ms(wait), "at": "request"}
    for key, fault in kinds.items():
        if rate := chaos.take(key, int, float):
            yield fault if rate >= 1 else {**fault, "chance": share(rate)}
    chaos.rest()
