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
from mockllm.faults.paths import changed, keys_of
from mockllm.matchers.redact import redact, redact_query

HIDDEN = "***"
"""What stands for a value that is not written."""


DEEP = ".."
"""The step to what is anywhere below."""
STEP = re.compile(
    r"""(?P<deep>\.\.(?=[^.]))|\.?(?P<name>[^.\[\]'"\s]+)|\[(?P<place>\*|-?\d+)\]|\['(?P<one>[^']*)'\]|\["(?P<two>[^"]*)"\]"""
)


def steps_of(path: str) -> tuple[str, ...]:
    """The steps of a path such as `$.messages[*].content`, `$..email` or `user`; raises `ValueError`.

    Of JSONPath (RFC 9535) it has names, indexes, `*` and `..`; slices and filters are refused.
    """
    rest = path.removeprefix("$")
    steps: list[str] = []
    while rest:
        found = STEP.match(rest)
        if found is None:
            raise ValueError(
                f"expected a path such as $.messages[*].content or $..email, got '{path}'"
            )
        named = found["name"] or found["place"] or found["one"] or found["two"] or ""
        steps.append(DEEP if found["deep"] else named)
        rest = rest[found.end() :]
    if not steps or steps[-1] == DEEP:
        raise ValueError(f"expected a path such as $.messages[*].content or $..email, got '{path}'")
    return tuple(steps)


def redacted(document: Any, paths: Sequence[str]) -> Any:
    """A document without the values that paths name; a path that leads nowhere changes nothing."""
    for path in paths:
        document = hidden(document, steps_of(path))
    return document


def hidden(document: Any, steps: Sequence[str]) -> Any:
    """The document with what is there hidden."""
    if not steps:
        return HIDDEN
    step, rest = steps[0], steps[1:]
    if step == DEEP:
        document = hidden(document, rest)
        step, rest = "*", steps
    return changed(document, {key: hidden(document[key], rest) for key in keys_of(document, step)})


def body_without_secrets(body: bytes, data: Any, paths: Sequence[str]) -> bytes:
    """A body without what paths name; one in which nothing can be found is hidden whole."""
    if not paths or not body:
        return body
    try:
        hid = HIDDEN if data is None else redacted(data, paths)
    except RecursionError:
        hid = HIDDEN
    if hid == HIDDEN:
        return HIDDEN.encode()
    return body if hid == data else json.dumps(hid, ensure_ascii=False).encode("utf-8", "replace")


def without_secrets(request: Request, paths: Sequence[str] = ()) -> Request:
    """The request as it may be written."""
    path, mark, query = request.target.partition("?")
    return replace(
        request,
        target=path + mark + redact_query(query),
        headers=tuple((name, redact(name, value)) for name, value in request.headers),
        body=body_without_secrets(request.body, request.data, paths),
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
