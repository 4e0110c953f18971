"""Named answers against the captures that they reproduce, byte by byte, through the real code."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from mockllm.shapes.answer import (
    PLACEHOLDER,
    Answer,
    answers,
    filled,
    filled_bytes,
    render_answer,
)
from mockllm.timeline.events import Close, Head, Wait, Write
from mockllm.timeline.framing import lower
from mockllm.timeline.slots import Step
from mockllm.wires.heads import MADE_UP, VOLATILE
from mockllm.wires.identity import Identity

IDENTITY = Identity("key")
DATE = "Sat, 21 Nov 2026 12:00:00 GMT"
CHUNK = re.compile(rb"([0-9a-f]+)\r\n", re.IGNORECASE)


@cache
def table() -> dict[str, Any]:
    """The table of captures."""
    path = Path(__file__).with_name("captures.yaml")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    made: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=loader)
    return made


CAPTURES: dict[str, Any] = table()["captures"]
NAMED = {capture: name for name, answer in answers().items() for capture in answer.captures}


def made_up(text: str) -> str:
    """A text of a capture with what our server makes up in the place of what theirs did."""
    for theirs, ours in table()["made_up"].items():
        text = text.replace(theirs, ours)
    return filled(text, IDENTITY)


def sent(name: str, *, has_body: bool = False) -> list[Any]:
    """What the socket is told to do."""
    messages = render_answer(name, has_body=has_body, identity=IDENTITY)
    return list(lower(tuple(Step(message) for message in messages), date=DATE).events)


def parsed(name: str) -> tuple[str, list[tuple[str, str]], list[bytes]]:
    """Status line, headers and body of an answer as they are written; a body in its chunks."""
    data = b"".join(event.data for event in sent(name) if isinstance(event, Write))
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    headers = [(key, value) for key, _, value in (one.partition(": ") for one in lines)]
    if ("transfer-encoding", "chunked") not in [(key.lower(), value) for key, value in headers]:
        return line, headers, [body]
    chunks = []
    while size := CHUNK.match(body):
        end = size.end() + int(size[1], 16)
        chunks.append(body[size.end() : end])
        body = body[end + 2 :]
    assert chunks.pop() == b""
    return line, headers, chunks


def constant(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers that belong to the answer and not to one exchange."""
    return [(name, value) for name, value in headers if name.lower() not in VOLATILE]


@pytest.mark.parametrize("capture", sorted(NAMED))
def test_an_answer_has_the_bytes_of_its_captures(capture: str) -> None:
    """Status line, headers in order and case, and body are the capture's.

    What is documented names some headers only: these are there, in this order.
    """
    row, answer = CAPTURES[capture], answers()[NAMED[capture]]
    line, headers, body = parsed(NAMED[capture])
    assert line.startswith(f"HTTP/1.1 {row['status']} ")
    if "reason" in row:
        assert line == f"HTTP/1.1 {row['status']} {row['reason']}"
    said = [(name, made_up(value)) for name, value in row["headers"].items()]
    if row["evidence"] == "observed":
        assert constant(headers) == constant(said)
    else:
        places = [constant(headers).index(header) for header in constant(said)]
        assert places == sorted(places)
    kinds = [value for name, value in headers if name.lower() == "content-type"]
    assert "content_type" not in row or kinds == [row["content_type"]]
    assert body == [made_up(chunk).encode() for chunk in row.get("chunks", [row.get("body")])]
    if answer.evidence == "observed":
        lengths = {key.lower(): value for key, value in row["headers"].items()}
        assert lengths.get("content-length", str(len(body[0]))) == str(len(body[0]))


@pytest.mark.parametrize(
    "capture", [one for one in sorted(NAMED) if "observed" in CAPTURES[one].values()]
)
def test_headers_of_the_exchange_stand_where_the_capture_has_them(capture: str) -> None:
    """Length and connection have the capture's place and case among the others."""
    theirs = dict(CAPTURES[capture]["headers"])
    said = next((value for name, value in theirs.items() if name.lower() == "connection"), "")
    messages = render_answer(
        NAMED[capture], has_body=False, identity=IDENTITY, closing=said == "close"
    )
    assert isinstance(messages[0], Head)
    ours = [name for name, _ in messages[0].headers if name.lower() != "date"]
    assert ours == list(theirs)


def test_every_capture_has_its_answer_or_a_reason() -> None:
    """Each row belongs to exactly one answer, or says why to none; no answer names another row."""
    assert len(CAPTURES) == 624
    counted = Counter(capture for answer in answers().values() for capture in answer.captures)
    omitted = {capture for capture, row in CAPTURES.items() if row.get("omitted")}
    assert set(counted) | omitted == set(CAPTURES)
    assert set(counted) & omitted == set()
    assert {capture for capture, count in counted.items() if count != 1} == set()


def test_omissions_name_answers_that_exist() -> None:
    """Whoever reads why a row has no answer finds the answer that is meant instead."""
    reasons = [row["omitted"] for row in CAPTURES.values() if "omitted" in row]
    meant = {found for reason in reasons for found in re.findall(r"Like ([\w.-]+\w)", reason)}
    assert meant
    assert meant <= set(answers())


def test_no_two_answers_of_a_producer_are_the_same() -> None:
    """An answer that another has already made would only be a second name."""
    seen: dict[object, str] = {}
    for name, answer in answers().items():
        key = (
            name.partition(".")[0],
            answer.model_copy(update={"about": "", "evidence": "", "source": "", "captures": ()}),
        )
        assert seen.setdefault(repr(key), name) == name


def test_an_observed_answer_has_an_observed_capture() -> None:
    """Nobody claims to have seen what the table has not."""
    for name, answer in answers().items():
        kinds = {CAPTURES[capture]["evidence"] for capture in answer.captures}
        assert answer.evidence == "documented" or "observed" in kinds, name


def test_bytes_that_are_no_text() -> None:
    """A body that is no UTF-8 is written `!!binary` in the data and sent as it is."""
    text = "{about: a, evidence: documented, source: b, status: 200, server: plain, body: !!binary /wAB}"
    answer = Answer.model_validate(yaml.safe_load(text))
    assert answer.units == (b"\xff\x00\x01",)
    assert filled_bytes(answer.units[0], IDENTITY) == b"\xff\x00\x01"


def test_placeholders_are_known() -> None:
    """No text in braces is left that looks like a placeholder and is none."""
    for name, answer in answers().items():
        texts = [answer.text.decode("utf-8", "replace"), *(answer.headers or {}).values()]
        words = {found for text in texts for found in re.findall(r"\{([a-z_]+)\}", text)}
        assert words <= set(MADE_UP), name
        assert all(not PLACEHOLDER.search(filled(text, IDENTITY)) for text in texts)


@pytest.mark.parametrize(
    ("name", "has_body", "ends"),
    [
        # Envoy closes a second after a reply for which it has not waited (observed).
        ("envoy.no-route", True, [Wait(1.0), Close("fin", complete=True)]),
        ("envoy.no-route", False, []),
        ("envoy.upstream-request-timeout", True, []),
        ("envoy.headers-too-large", False, [Wait(1.0), Close("fin", complete=True)]),
        # nginx and HAProxy close at once after a request that they could not read (observed).
        ("nginx.413", True, [Close("fin", complete=True)]),
        ("haproxy.408", False, [Close("fin", complete=True)]),
        ("nginx.502", True, []),
        ("litserve.stream-error", True, []),
    ],
)
def test_how_an_answer_ends(name: str, *, has_body: bool, ends: list[object]) -> None:
    """An answer ends the connection as its server does, and says so in the head."""
    events = sent(name, has_body=has_body)
    assert [event for event in events if not isinstance(event, Write)] == ends
    head = events[0].data.lower().partition(b"\r\n\r\n")[0]
    assert (b"\r\nconnection: close" in head) == bool(ends)


def test_envoy_without_a_body_says_close_before_the_length() -> None:
    """The place of `connection` differs with the body (Envoy 1.40.0, observed)."""
    data = sent("envoy.no-route", has_body=True)[0].data
    assert data == (
        b"HTTP/1.1 404 Not Found\r\ndate: " + DATE.encode() + b"\r\nserver: envoy\r\n"
        b"connection: close\r\ncontent-length: 0\r\n\r\n"
    )
