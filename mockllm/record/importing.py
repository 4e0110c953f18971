"""Exchanges from what others have recorded: HAR files, cassettes of vcrpy, OpenAI's JSONL.

None of these has the bytes of the wire: bodies come without their framing, and of times there are
the beginning and the end at most. So each answer is played with a `content-length`, in the times
that are known. Sources (documented): the HAR 1.2 specification; vcrpy 7, `serializers/compat.py`;
OpenAI's guides to the Batch API (lines with `custom_id`) and to fine-tuning (lines of `messages`).
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import yaml

from mockllm.cassettes.cassette import CassetteError, Exchange, Piece, Recording, Request, merged
from mockllm.cassettes.redacting import head_without_secrets, without_secrets
from mockllm.timeline.events import Head
from mockllm.timeline.framing import reason_phrase

FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})
"""Headers that told of the connection of that time."""
Pairs = list[tuple[str, str]]


class Unreadable(Exception):
    """A part of a file is not what its format says."""


def imported(text: str, form: str, file: str) -> tuple[Exchange, ...]:
    """The exchanges of a file, credentials redacted; raises `CassetteError`."""
    try:
        return tuple(FORMATS[form](text))
    except Unreadable as error:
        raise CassetteError([f"{file}: expected {error}; is it of the format {form}?"]) from None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        said = f"a part of a {form} file is missing or of another type ({error!r})"
        raise CassetteError([f"{file}: {said}; is it of the format {form}?"]) from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise CassetteError([f"{file}: expected a {form} file: {error}"]) from None


def exchange(
    method: str,
    url: str,
    asked: Pairs,
    body: bytes,
    *,
    status: int,
    reason: str | None,
    said: Pairs,
    answer: bytes,
    begun: int = 0,
    ended: int = 0,
    time: str = "",
) -> Exchange:
    """An exchange whose answer has a length; times are microseconds since the request."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if reason is None:
        reason = reason_phrase(Head(status, ()))
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines += [f"{name}: {value}" for name, value in said if name.lower() not in FRAMING]
    if status not in (204, 304):
        lines.append(f"content-length: {len(answer)}")
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "replace")
    pieces = merged([Piece(begun, head_without_secrets(head)), Piece(max(begun, ended), answer)])
    request = without_secrets(Request(method, target, tuple(asked), body, time))
    return Exchange(request, Recording(pieces, "complete", max(begun, ended), method))


def from_har(text: str) -> Iterator[Exchange]:
    """The entries of a HAR file; bodies stand there unpacked, so they are played so."""
    for entry in json.loads(text)["log"]["entries"]:
        asked, said, timings = entry["request"], entry["response"], entry.get("timings") or {}
        if not said.get("status"):  # what a browser blocked, or had no answer to
            continue
        content = said.get("content") or {}
        answer = content.get("text") or ""
        packed = content.get("encoding") == "base64"
        before = sum(max(0.0, timings.get(key) or 0.0) for key in ("send", "wait"))
        after = before + max(0.0, timings.get("receive") or 0.0)
        yield exchange(
            asked["method"],
            asked["url"],
            named(asked["headers"]),
            ((asked.get("postData") or {}).get("text") or "").encode("utf-8", "surrogateescape"),
            status=int(said["status"]),
            reason=said.get("statusText"),
            said=[p for p in named(said["headers"]) if p[0].lower() != "content-encoding"],
            answer=unpacked(answer) if packed else answer.encode("utf-8", "surrogateescape"),
            begun=round(before * 1000),
            ended=round(after * 1000),
            time=str(entry.get("startedDateTime") or ""),
        )


def named(headers: Iterable[dict[str, str]]) -> Pairs:
    """Headers of a HAR file; the names that begin with a colon are HTTP/2's own."""
    return [(one["name"], one["value"]) for one in headers if not one["name"].startswith(":")]


def unpacked(text: str) -> bytes:
    """Bytes from base64."""
    try:
        return b64decode(text, validate=True)
    except binascii.Error:
        raise Unreadable("base64 where the encoding says so") from None


def from_vcr(text: str) -> Iterator[Exchange]:
    """The interactions of a cassette of vcrpy, in YAML or JSON; bodies are as they came."""
    found = yaml.safe_load(text)
    if not isinstance(found, dict) or "interactions" not in found:
        raise Unreadable("the key 'interactions'")
    for one in found["interactions"]:
        asked, said = one["request"], one["response"]
        status, body = said["status"], said.get("body") or {}
        yield exchange(
            asked["method"],
            asked.get("uri") or asked["url"],
            listed(asked.get("headers") or {}),
            data_of(asked.get("body")),
            status=int(status["code"]),
            reason=status.get("message"),
            said=listed(said.get("headers") or {}),
            answer=data_of(body.get("string") if isinstance(body, dict) else body),
        )


def listed(headers: dict[str, Any]) -> Pairs:
    """Headers of vcrpy: each name with a value, or with a list of them."""
    return [
        (name, str(value))
        for name, values in headers.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def data_of(body: Any) -> bytes:
    """A body of vcrpy: a text, bytes, or nothing."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, dict):  # a filter has read it
        return json.dumps(body).encode()
    return str(body or "").encode("utf-8", "surrogateescape")


def from_jsonl(text: str) -> Iterator[Exchange]:
    """Lines of OpenAI's Batch API, requests and results of one `custom_id` joined, or conversations.

    A conversation's last message is the answer to those before it.
    """
    lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    asked = {one["custom_id"]: one for one in lines if "custom_id" in one and "body" in one}
    for one in lines:
        if "messages" in one:
            yield conversation(one)
        elif one.get("response"):
            request = asked.get(one.get("custom_id"))
            if request is None:
                wanted = f"a line with custom_id {one.get('custom_id')!r} and the request's body"
                raise Unreadable(f"{wanted}: put the batch's input and output into one file")
            said = one["response"]
            yield of_json(request["url"], request["body"], int(said["status_code"]), said["body"])
        elif not ("custom_id" in one and "body" in one):
            raise Unreadable("lines with messages, or with custom_id and a body or a response")


def conversation(line: dict[str, Any]) -> Exchange:
    """A conversation as a request and its answer."""
    *before, last = line["messages"]
    if last.get("role") != "assistant":
        raise Unreadable("an assistant's message as the last of each conversation")
    model = line.get("model") or "gpt-4o-mini"
    rest = {key: value for key, value in line.items() if key in ("tools", "parallel_tool_calls")}
    finish = "tool_calls" if last.get("tool_calls") else "stop"
    message = {"role": "assistant", "content": last.get("content"), "refusal": None}
    if last.get("tool_calls"):
        message["tool_calls"] = last["tool_calls"]
    answer = {
        "id": "chatcmpl-imported",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
    }
    body = {"model": model, "messages": before, **rest}
    return of_json("/v1/chat/completions", body, 200, answer)


def of_json(url: str, body: Any, status: int, answer: Any) -> Exchange:
    """An exchange of JSON documents."""
    kind = [("content-type", "application/json")]
    return exchange(
        "POST",
        url,
        kind,
        json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
        status=status,
        reason=None,
        said=kind,
        answer=json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"),
    )


FORMATS: dict[str, Callable[[str], Iterable[Exchange]]] = {
    "har": from_har,
    "vcr": from_vcr,
    "openai-jsonl": from_jsonl,
}
"""Every format that is read."""
