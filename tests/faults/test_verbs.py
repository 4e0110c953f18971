"""Each verb with each of its values: the timeline that it makes of a small script."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mockllm.faults.fault import flow_of
from mockllm.timeline.events import (
    AUTO,
    FOREVER,
    Close,
    End,
    Extra,
    Frame,
    Head,
    Message,
    Wait,
    Write,
)
from mockllm.timeline.framing import lower
from tests.faults.exchange import applied, fault, played, reasons
from tests.timeline.samples import DONE, FINISH, ROLE, STREAM, WHOLE, body, content, script

C1, C2, C3 = content(1), content(2), content(3)
SCRIPT = script(3)
"""Head, role, content 1 to 3, finish, done, end."""


def error(text: bytes) -> Frame:
    """The frame of the fake exchange's errors."""
    return Frame(("error",), text)


def extra(text: bytes) -> Frame:
    """A frame that no wire gave."""
    return Frame(("extra",), text)


ERROR_HEADERS = (("Content-Type", "application/json"), ("content-length", AUTO))
TEXT_HEADERS = (("content-type", "text/plain"), ("content-length", AUTO), ("date", AUTO))


@pytest.mark.parametrize(
    ("keys", "events"),
    [
        # wait
        ({"wait": "2s"}, (Wait(2.0), *SCRIPT)),
        ({"wait": "300ms", "at": "head"}, (STREAM, Wait(0.3), *SCRIPT[1:])),
        ({"wait": "2s", "at": "before content 2"}, (STREAM, ROLE, C1, Wait(2.0), C2, C3, FINISH, DONE, End())),
        ({"wait": "2s", "at": "after content 2"}, (STREAM, ROLE, C1, C2, Wait(2.0), C3, FINISH, DONE, End())),
        ({"wait": "2s", "at": "after content 2..3"}, (STREAM, ROLE, C1, C2, Wait(2.0), C3, Wait(2.0), FINISH, DONE, End())),
        ({"wait": "2s", "at": "end"}, (*SCRIPT[:-1], Wait(2.0), End())),
        ({"wait": "2s", "at": "t 0s"}, (STREAM, Wait(2.0), *SCRIPT[1:])),
        ({"wait": "forever", "at": "after role"}, (STREAM, ROLE, Wait(FOREVER))),
        # reply
        ({"reply": "some.answer"}, (Head(503, (("server", "answer"),)), error(b"some.answer"), End())),
        ({"reply": {"status": 429}}, (Head(429, ERROR_HEADERS), error(b"{'status': 429}"), End())),
        (
            {"reply": {"status": 400, "shape": "a", "message": "b", "error_type": "c", "code": "500", "param": "d"}},
            (
                Head(400, ERROR_HEADERS),
                error(b"{'status': 400, 'shape': 'a', 'message': 'b', 'error_type': 'c', 'code': '500', 'param': 'd'}"),
                End(),
            ),
        ),
        ({"reply": {"code": 500}}, (Head(500, ERROR_HEADERS), error(b"{'code': 500}"), End())),
        ({"reply": {"code": None}}, (Head(500, ERROR_HEADERS), error(b"{'code': None}"), End())),
        (
            {"reply": {"headers": {"content-type": "a/b", "Retry-After": 7}}},
            (
                Head(500, (("content-type", "a/b"), ("content-length", AUTO), ("Retry-After", "7"))),
                error(b"{'headers': {'content-type': 'a/b', 'Retry-After': '7'}}"),
                End(),
            ),
        ),
        ({"reply": {"status": 200, "body": "hi"}}, (Head(200, TEXT_HEADERS), error(b"hi"), End())),
        (
            {"reply": {"body": "<h1>", "content_type": "text/html", "headers": {"Server": "nginx"}}},
            (
                Head(500, (("content-type", "text/html"), *TEXT_HEADERS[1:], ("Server", "nginx"))),
                error(b"<h1>"),
                End(),
            ),
        ),
        # send
        ({"send": {"comment": "ping"}, "at": "head"}, (STREAM, Extra(b": ping\n\n"), *SCRIPT[1:])),
        ({"send": {"raw": "é\r\n"}, "at": "end"}, (*SCRIPT[:-1], Extra("é\r\n".encode()), End())),
        ({"send": {"frame": {"a": [1, None]}}, "at": "before done"}, (*SCRIPT[:-2], extra(b'{"a":[1,null]}'), DONE, End())),
        ({"send": {"frame": {"delta": {"a": 1}}}, "at": "before done"}, (*SCRIPT[:-2], extra(b"delta {'a': 1}"), DONE, End())),
        (
            {"send": {"frame": {"delta": {"a": 1}, "b": 2}}, "at": "before done"},
            (*SCRIPT[:-2], extra(b'{"delta":{"a":1},"b":2}'), DONE, End()),
        ),
        ({"send": "error", "at": "after role"}, (STREAM, ROLE, error(b"{}"), *SCRIPT[2:])),
        ({"send": {"error": True}, "at": "after role"}, (STREAM, ROLE, error(b"{}"), *SCRIPT[2:])),
        ({"send": {"error": "envoy"}, "at": "after role"}, (STREAM, ROLE, error(b"{'shape': 'envoy'}"), *SCRIPT[2:])),
        (
            {"send": {"error": {"status": 503}, "done": True}, "at": "after role"},
            (STREAM, ROLE, error(b"{'status': 503}"), DONE, *SCRIPT[2:]),
        ),
        # edit
        ({"edit": "drop", "at": "content 2"}, (STREAM, ROLE, C1, None, C3, FINISH, DONE, End())),
        ({"edit": {"drop": True}, "at": "content 2..*"}, (STREAM, ROLE, C1, None, None, FINISH, DONE, End())),
        ({"edit": {"duplicate": 3}, "at": "content 2"}, (STREAM, ROLE, C1, C2, C2, C2, C3, FINISH, DONE, End())),
        ({"edit": {"patch": {"n": None, "a": "é"}}, "at": "content 3"}, (*SCRIPT[:4], Frame(("content",), '{"n":null,"a":"é"}'.encode(), tokens=1), *SCRIPT[5:])),
        ({"edit": {"patch": {"n": 1}}, "at": "done"}, SCRIPT),
        ({"edit": {"truncate": 3}, "at": "content 3"}, (*SCRIPT[:4], Frame(("content",), b'{"n', tokens=1), *SCRIPT[5:])),
        ({"edit": {"truncate": -3}, "at": "content 3"}, (*SCRIPT[:4], Frame(("content",), b'{"n"', tokens=1), *SCRIPT[5:])),
        ({"edit": {"truncate": 0}, "at": "done"}, (*SCRIPT[:-2], Frame(("done",), b""), End())),
        ({"edit": {"replace": "[OVER]"}, "at": "done"}, (*SCRIPT[:-2], Frame(("done",), b"[OVER]"), End())),
        # close
        ({"close": "clean", "at": "after role"}, (STREAM, ROLE, End())),
        ({"close": "fin", "at": "after role"}, (STREAM, ROLE, Close("fin"))),
        ({"close": "rst", "at": "head"}, (STREAM, Close("rst"))),
        ({"close": "rst", "at": "request"}, (Close("rst"),)),
        ({"close": "rst", "at": "end"}, (*SCRIPT[:-1], Close("rst"))),
    ],
)  # fmt: skip
def test_values(keys: dict[str, Any], events: tuple[Message | None, ...]) -> None:
    """The verb makes just this of the script, and is reported as acting."""
    one = fault(**keys)
    assert played(SCRIPT, one) == events
    assert reasons(SCRIPT, one) == [None]


@pytest.mark.parametrize(
    ("document", "patch", "merged"),
    [
        (b'{"a":{"b":1,"c":2}}', {"a": {"b": 3}}, b'{"a":{"b":3,"c":2}}'),
        (b'{"a":[1,{"b":2},3]}', {"a": [0, {"c": 4}]}, b'{"a":[0,{"b":2,"c":4},3]}'),
        (b'{"a":[1]}', {"a": [2, 3]}, b'{"a":[2,3]}'),
        (b'{"a":[1]}', {"a": {"b": 1}}, b'{"a":{"b":1}}'),
        (b'{"a":{"b":1}}', {"a": None}, b'{"a":null}'),
        (b"{}", {"a": {"b": [1]}}, b'{"a":{"b":[1]}}'),
        (b"[1]", {"a": 1}, b'{"a":1}'),
        (b'{"a":"\xc3\xa9"}', {}, b'{"a":"\xc3\xa9"}'),
    ],
)
def test_patch_is_a_deep_merge(document: bytes, patch: dict[str, Any], merged: bytes) -> None:
    """Mappings merge by key, lists by index, null is a value, anything else is replaced."""
    made = played(body(document), fault(edit={"patch": patch}, at="frame 1"))
    assert made == (WHOLE, Frame(("body",), merged), End())


DATA = b'{"a":": "}'


@pytest.mark.parametrize(
    ("encodings", "writes"),
    [
        ([{"newline": "crlf"}], [b"event: x\r\ndata: " + DATA + b"\r\n\r\n"]),
        ([{"newline": "cr"}], [b"event: x\rdata: " + DATA + b"\r\r"]),
        ([{"newline": "lf"}], [b"event: x\ndata: " + DATA + b"\n\n"]),
        (["no-space"], [b"event:x\ndata:" + DATA + b"\n\n"]),
        ([{"no-space": True}], [b"event:x\ndata:" + DATA + b"\n\n"]),
        (["no-space", {"newline": "cr"}], [b"event:x\rdata:" + DATA + b"\r\r"]),
        ([{"split": {"bytes": 20}}], [b"event: x\ndata: {\"a\":", b'": "}\n\n']),
        ([{"split": {"bytes": 99, "gap": "1s"}}], [b"event: x\ndata: " + DATA + b"\n\n"]),
        (["no-space", {"split": {"bytes": 12}}], [b"event:x\ndata", b':{"a":": "}\n', b"\n"]),
    ],
)  # fmt: skip
def test_encodings(encodings: list[Any], writes: list[bytes]) -> None:
    """The same event in other bytes: line ends, no space behind the colon, several writes."""
    frame = Frame(("content",), DATA, event="x")
    head = Head(200, (("content-type", "text/event-stream"),))
    faults = [fault(encode=encoding, at="content 1") for encoding in encodings]
    sequence, reports = applied((head, frame, End()), *faults)
    events = lower(sequence, date="").events
    assert [event.data for event in events[1:-1] if isinstance(event, Write)] == writes
    assert [report.skipped for report in reports] == [None] * len(faults)


def test_split_has_gaps_between_its_writes() -> None:
    """Without size a frame goes byte by byte; a gap stands between two writes, none at the ends."""
    split = fault(encode={"split": {"gap": "1ms"}})
    sequence, _ = applied(body(b"abc"), split)
    gap = Wait(0.001)
    made = lower(sequence, date="").events[1:]
    assert made == (
        Write(b"a", apart=True),
        gap,
        Write(b"b", apart=True),
        gap,
        Write(b"c", apart=True),
    )


def test_an_encoding_keeps_the_length_true() -> None:
    """Content-Length counts the bytes that are sent, and each write is a chunk of its own."""
    crlf = fault(encode={"newline": "crlf"})
    head = Head(200, (("content-type", "text/event-stream"), ("content-length", AUTO)))
    sequence, _ = applied((head, DONE, End()), crlf)
    assert lower(sequence, date="").events == (
        Write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 16\r\n\r\n"),
        Write(b"data: [DONE]\r\n\r\n", apart=True),
    )
    sequence, _ = applied((STREAM, DONE, End()), fault(encode={"split": {"bytes": 8}}))
    assert lower(sequence, date="").events[1:] == (
        Write(b"8\r\ndata: [D\r\n", apart=True),
        Write(b"6\r\nONE]\n\n\r\n", apart=True),
        Write(b"0\r\n\r\n"),
    )


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"wait": "1500ms"}, "wait: 1.5s"),
        ({"wait": "forever"}, "wait: forever"),
        ({"reply": "a.b"}, "reply: a.b"),
        ({"reply": {"status": 503, "code": "500"}}, 'reply: {status: 503, code: "500"}'),
        ({"send": {"comment": "a"}}, "send: {comment: a}"),
        ({"send": "error"}, "send: {error: {}}"),
        ({"edit": "drop"}, "edit: {drop: true}"),
        ({"edit": {"truncate": -2}}, "edit: {truncate: -2}"),
        ({"encode": "no-space"}, "encode: {no-space: true}"),
        ({"encode": {"split": {"bytes": 2}}}, "encode: {split: {bytes: 2}}"),
        ({"close": "rst"}, "close: rst"),
    ],
)
def test_spelling(keys: dict[str, Any], text: str) -> None:
    """A fault is named as a profile would spell it."""
    assert flow_of(fault(**keys)) == text


@pytest.mark.parametrize(
    ("keys", "at"),
    [
        ({"wait": "1s"}, "request"),
        ({"reply": "a"}, "request"),
        ({"send": {"raw": "a"}}, "after content 5"),
        ({"edit": "drop"}, "content 6"),
        ({"encode": "no-space"}, "body"),
        ({"close": "fin"}, "after content 5"),
    ],
)
def test_default_anchors(keys: dict[str, Any], at: str) -> None:
    """Each verb has an anchor where the profile gives none."""
    assert fault(**keys).anchor.text == at


EVERY = ("request", "head", "before done", "after done", "t 1s", "end", "done")


@pytest.mark.parametrize(
    ("keys", "points", "why"),
    [
        (
            {"wait": "1s"},
            EVERY[:-1],
            "expected an anchor for wait: request, head, before SELECTOR, after SELECTOR, byte N, t TIME, server TIME, end, upload SIZE, idle [next-byte], connect, tls, got 'done'; say before done or after done",
        ),
        (
            {"close": "rst"},
            EVERY[:-1],
            "expected an anchor for close: request, head, before SELECTOR, after SELECTOR, byte N, t TIME, server TIME, end, upload SIZE, idle [next-byte], connect, tls, got 'done'; say before done or after done",
        ),
        (
            {"reply": "a"},
            ("request",),
            "expected an anchor for reply: request, upload SIZE, got 'head'; once the head is sent there is no other answer",
        ),
        (
            {"send": {"comment": "a"}},
            EVERY[1:-1],
            "expected another anchor for send: {comment: a}, got 'request'; body bytes need a head before them; to answer otherwise use reply",
        ),
        (
            {"edit": "drop"},
            ("done",),
            "expected an anchor for edit: SELECTOR, head, got 'request'; edit changes a frame or the head, so name it: content 6, head",
        ),
        (
            {"encode": "no-space"},
            ("done",),
            "expected an anchor for encode: body, SELECTOR, head, got 'request'; encode changes how something is written, so name it: body, frame 1, head",
        ),
    ],
)  # fmt: skip
def test_where_a_verb_can_be(keys: dict[str, Any], points: tuple[str, ...], why: str) -> None:
    """A verb is accepted at its points and refused at the others, with the reason."""
    refused = []
    for at in EVERY:
        try:
            assert fault(**keys, at=at).anchor.text == at
        except ValidationError as error:
            refused.append((at, error.errors()[0]["msg"]))
    assert [at for at, _ in refused] == [at for at in EVERY if at not in points]
    assert refused[0][1] == why


@pytest.mark.parametrize(
    "keys",
    [
        {"wait": 2},
        {"reply": 503},
        {"reply": True},
        {"reply": None},
        {"reply": {"status": 99}},
        {"reply": {"status": 1000}},
        {"reply": {"status": "503"}},
        {"reply": {"code": True}},
        {"reply": {"code": 1.5}},
        {"send": "comment"},
        {"send": {"comment": "a", "raw": "b"}},
        {"send": {"error": "x", "done": "yes"}},
        {"send": {"frame": []}},
        {"edit": "replace"},
        {"edit": {"drop": False}},
        {"edit": {"duplicate": 1}},
        {"edit": {"duplicate": True}},
        {"edit": {"truncate": "2"}},
        {"edit": {"patch": 1}},
        {"encode": {"newline": "lfcr"}},
        {"encode": {"split": {"bytes": 0}}},
        {"encode": {"split": {"bytes": 1, "gap": 1}}},
        {"close": "tidy"},
        {"close": None},
        {"close": "rst", "announce": True},
    ],
)
def test_refusals(keys: dict[str, Any]) -> None:
    """A value that the verb does not have is refused."""
    with pytest.raises(ValidationError):
        fault(**keys)


def test_names_are_checked_where_they_are_known() -> None:
    """A loader that knows the answers and shapes refuses the others; without one all pass."""
    from mockllm.faults.reply import ReplyFault

    known = {"answer": ["envoy.a"], "shape": ["openai"]}
    assert ReplyFault.model_validate({"reply": "envoy.a"}, context=known).reply == "envoy.a"
    for value, message in (
        ("envoi.a", "expected the name of an answer (envoy.a), got 'envoi.a'; did you mean 'envoy.a'?"),
        ({"shape": "zzz"}, "expected the name of a shape (openai), got 'zzz'"),
    ):  # fmt: skip
        with pytest.raises(ValidationError) as refused:
            ReplyFault.model_validate({"reply": value}, context=known)
        assert refused.value.errors()[0]["msg"] == message
