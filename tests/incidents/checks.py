"""What the oracle can say of one response; each key of `oracle.yaml` is a function here.

All of them look at the bytes that a raw reader got. `given` is what the oracle has.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from mockllm.scripts.named import CANONICAL
from tests.incidents.reading import Response


def status(got: Response, given: int) -> None:
    """The status; 0 where no head came."""
    assert got.status == given


def interim(got: Response, given: list[int]) -> None:
    """The interim responses before the final one."""
    assert got.interim == given


def headers(got: Response, given: dict[str, str | None]) -> None:
    """Headers that are there once with this value, or not at all."""
    for name, value in given.items():
        assert got.headers(name) == ([] if value is None else [value]), name


def twice(got: Response, given: str) -> None:
    """A header that stands twice."""
    assert len(got.headers(given)) == 2


def date_in(got: Response, given: float) -> None:
    """Retry-After is a date, so many seconds from now; dates have whole seconds."""
    (value,) = got.headers("retry-after")
    ahead = parsedate_to_datetime(value) - datetime.now(UTC)
    assert timedelta(seconds=given - 10) < ahead <= timedelta(seconds=given)


def body(got: Response, given: str) -> None:
    """The whole body."""
    assert got.body == given.encode()


def body_size(got: Response, given: int) -> None:
    """The body's length, of which the head says the same."""
    assert len(got.body) == given
    assert got.headers("content-length") == [str(given)]


def not_json(got: Response, given: bool) -> None:
    """A body that is no JSON."""
    assert got.documents == []


def document(got: Response, given: dict[str, Any]) -> None:
    """The whole body as JSON."""
    assert json.loads(got.body) == given


def contains(got: Response, given: list[str]) -> None:
    """Texts in the body."""
    for one in given:
        assert one.encode() in got.body, one


def absent(got: Response, given: list[str]) -> None:
    """Texts that are nowhere in the body."""
    for one in given:
        assert one.encode() not in got.body, one


def order(got: Response, given: list[str]) -> None:
    """Texts in the body, each behind the one before."""
    place = 0
    for one in given:
        place = got.body.find(one.encode(), place)
        assert place >= 0, one
        place += len(one.encode())


def matches(got: Response, given: dict[int, str]) -> None:
    """How often patterns match in the body."""
    for count, pattern in given.items():
        found = re.findall(pattern, got.body.decode("utf-8", "replace"))
        assert len(found) == count, pattern


def raw(got: Response, given: list[str]) -> None:
    """Texts on the wire, framing included."""
    for one in given:
        assert one.encode() in got.after_head, one


def starts_with(got: Response, given: str) -> None:
    """How the body begins."""
    assert got.body.startswith(given.encode())


def starts_with_bom(got: Response, given: bool) -> None:
    """A byte order mark, and right behind it an event with text."""
    assert got.body.startswith(b"\xef\xbb\xbfdata: {")
    assert got.choices[0]["delta"]["content"]


def ends_with(got: Response, given: str) -> None:
    """How the body ends."""
    assert got.body.endswith(given.encode())


def text(got: Response, given: str | int) -> None:
    """The answer's text: whole, so many words of it, or as given."""
    if isinstance(given, int):
        given = " ".join(CANONICAL.split(" ")[:given])
    assert got.text == (CANONICAL if given == "whole" else given)


def finish(got: Response, given: str | None) -> None:
    """The finish reason; null for none."""
    assert got.finish == ([] if given is None else [given])


def done(got: Response, given: bool) -> None:
    """Whether the final marker came as an event."""
    assert got.done is given


def frames(got: Response, given: int) -> None:
    """How many events have data, the final marker too."""
    assert len(got.events) == given


def first(got: Response, given: dict[str, Any]) -> None:
    """The first document, and the order of its keys."""
    assert got.documents[0] == given
    assert list(got.documents[0]) == list(given)


def broken(got: Response, given: int) -> None:
    """How many events are no JSON, though they look like it."""
    assert len([data for _, data in got.events if data[:1] == "{"]) - len(got.documents) == given


def usages(got: Response, given: list[int]) -> None:
    """Completion tokens: of the first event, of the last, and how many events have some."""
    found = [one["usage"]["completion_tokens"] for one in got.documents]
    assert [found[0], found[-1], len(found)] == given
    assert found == sorted(found)


def roles(got: Response, given: dict[str, int]) -> None:
    """Which roles the deltas have, and how often."""
    found = [one["delta"]["role"] for one in got.choices if "role" in one["delta"]]
    assert {role: found.count(role) for role in found} == given


def tools(got: Response, given: list[list[Any]]) -> None:
    """Index, name and arguments of each call; calls are told apart by the fragment with a name.

    Null for arguments: fragments that no index tells apart.
    """
    begun = [one for one in got.tools if one.get("function", {}).get("name")]
    assert [[one.get("index"), one["function"]["name"]] for one in begun] == [
        [index, name] for index, name, _ in given
    ]
    if len({index for index, _, _ in given}) == len(given):
        told: dict[Any, str] = {}
        for one in got.tools:
            told[one["index"]] = told.get(one["index"], "") + one["function"]["arguments"]
        assert list(told.values()) == [arguments for _, _, arguments in given]
    elif all(arguments is not None for _, _, arguments in given):
        joined = "".join(one["function"]["arguments"] for one in got.tools)
        assert joined == "".join(arguments for _, _, arguments in given)
        assert len({one["id"] for one in begun}) == len(given)


def turns(got: Response, given: list[int]) -> None:
    """The order of the fragments' indexes."""
    assert [one["index"] for one in got.tools] == given


def largest_chunk(got: Response, given: int) -> None:
    """The longest chunk."""
    assert max(map(len, got.chunks())) == given


def split_character(got: Response, given: str) -> None:
    """A character whose bytes come in a chunk each."""
    assert b"".join(b"1\r\n%c\r\n" % byte for byte in given.encode()) in got.after_head


def bare_lf(got: Response, given: int) -> None:
    """How many line feeds have no carriage return before them."""
    assert len(re.findall(rb"(?<!\r)\n", got.body)) == given


def longest_line(got: Response, given: int) -> None:
    """The longest line holds so many letters of content."""
    line = max(got.body.split(b"\n"), key=len)
    assert len(json.loads(line[6:])["choices"][0]["delta"]["content"]) == given


def glued(got: Response, given: str) -> None:
    """An error that is a further line of an event whose JSON is cut."""
    (event,) = (data for _, data in got.events if data.count("\n"))
    cut, _, error = event.partition("\n")
    assert cut.startswith('{"id"')
    assert f"data: {error}" == given


def flushed(got: Response, given: bool) -> None:
    """Each chunk can be decompressed when it comes, and the first one holds an event."""
    reader = zlib.decompressobj(31)
    for chunk in list(got.chunks())[:10]:
        assert reader.decompress(chunk).endswith(b"\n\n")


def missing(got: Response, given: int) -> None:
    """The body is so much shorter than its Content-Length."""
    (length,) = got.headers("content-length")
    assert int(length) - len(got.after_head) == given


def length_is_right(got: Response, given: bool) -> None:
    """Content-Length counts all that came."""
    assert got.headers("content-length") == [str(len(got.after_head))]


NAMES = (status, interim, headers, twice, date_in, body, body_size, not_json, document, contains,
         absent, order, matches, raw, starts_with, starts_with_bom, ends_with, text, finish, done,
         frames, first, broken, usages, roles, tools, turns, largest_chunk, split_character,
         bare_lf, longest_line, glued, flushed, missing, length_is_right)  # fmt: skip
CHECKS: dict[str, Callable[[Response, Any], None]] = {check.__name__: check for check in NAMES}
