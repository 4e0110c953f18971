"""What of an exchange is never written: credentials by the one table, and what paths name."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from mockllm.cassettes.cassette import Piece, Request, merged
from mockllm.faults.paths import keys_of, put
from mockllm.matchers.redact import redact, redact_query

HIDDEN = "***"
"""What stands for a value that is not written."""


def steps_of(path: str) -> tuple[str, ...]:
    """The steps of a path such as `$.messages[*].content` or `user`."""
    return tuple(
        step.strip("[]'\"")
        for step in re.findall(r"\[[^\]]*\]|[^.\[\]]+", path.removeprefix("$").lstrip("."))
    )


def redacted(document: Any, paths: Sequence[str]) -> Any:
    """A document without the values that paths name; a path that leads nowhere changes nothing."""
    for path in paths:
        steps = steps_of(path)
        if steps and leads(document, steps):
            document = hidden(document, steps)
    return document


def leads(document: Any, steps: Sequence[str]) -> bool:
    """Whether there is anything where a path leads."""
    if not steps:
        return True
    return any(leads(document[key], steps[1:]) for key in keys_of(document, steps[0]))


def hidden(document: Any, steps: Sequence[str]) -> Any:
    """The document with what is there hidden."""
    for key in list(keys_of(document, steps[0])):
        if not leads(document[key], steps[1:]):
            continue
        value = HIDDEN if len(steps) == 1 else hidden(document[key], steps[1:])
        document = put(document, (str(key),), value)
    return document


def without_secrets(request: Request, paths: Sequence[str] = ()) -> Request:
    """The request as it may be written."""
    body = request.body
    if paths and isinstance(request.data, dict):
        hid = redacted(request.data, paths)
        if hid != request.data:
            body = json.dumps(hid, ensure_ascii=False).encode("utf-8", "replace")
    path, mark, query = request.target.partition("?")
    return replace(
        request,
        target=path + mark + redact_query(query),
        headers=tuple((name, redact(name, value)) for name, value in request.headers),
        body=body,
    )


def head_without_secrets(raw: bytes) -> bytes:
    """The bytes of a head, or of the beginning of one, as they may be written."""
    return b"\n".join(map(line_without_secrets, raw.split(b"\n")))


def reads_without_secrets(reads: Sequence[Piece]) -> tuple[Piece, ...]:
    """A head that came in several reads, as it may be written, with the times of its bytes.

    A line in which something is hidden has the time of its last byte.
    """
    made: list[Piece] = []
    ends = list(accumulate(len(read.data) for read in reads))
    raw, start = b"".join(read.data for read in reads), 0
    for line in raw.split(b"\n"):
        end = min(start + len(line) + 1, len(raw))
        shown = line_without_secrets(line)
        if shown != line:
            place = bisect_right(ends, end - 1)
            made.append(Piece(reads[place].at, shown + raw[start + len(line) : end]))
            start = end
        while start < end:
            place = bisect_right(ends, start)
            upto = min(end, ends[place])
            made.append(Piece(reads[place].at, raw[start:upto]))
            start = upto
    return merged(made)


def line_without_secrets(line: bytes) -> bytes:
    """A line of a head; what is no credential stays as it is, to the byte."""
    name, colon, value = line.partition(b":")
    if not colon:
        return line
    bare = value.strip(b" \t\r")
    said = bare.decode("latin-1")
    shown = redact(name.decode("latin-1"), said)
    return line if shown == said else name + b":" + value.replace(bare, shown.encode("latin-1"), 1)
