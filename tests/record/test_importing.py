"""Cassettes from HAR files, vcrpy and OpenAI's JSONL: what they hold is what is played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mockllm import MockLLM
from mockllm.cassettes.cassette import CassetteError
from mockllm.cli import cli
from mockllm.record.importing import imported
from tests.record.build import cassette
from tests.server.raw import chat, connected

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
URL = "https://api.test/v1/chat/completions?x=1"
HAR: dict[str, Any] = {
    "log": {
        "entries": [
            {
                "startedDateTime": "2026-11-21T00:00:00Z",
                "request": {
                    "method": "POST",
                    "url": URL,
                    "headers": [
                        {"name": ":authority", "value": "api.test"},
                        {"name": "Authorization", "value": "Bearer sk-0123456789abcdef"},
                    ],
                    "postData": {"text": BODY},
                },
                "response": {
                    "status": 200,
                    "statusText": "OK",
                    "headers": [
                        {"name": "Content-Encoding", "value": "br"},
                        {"name": "Set-Cookie", "value": "a=secret; Path=/"},
                    ],
                    "content": {"text": "aGk=", "encoding": "base64"},
                },
                "timings": {"blocked": -1, "send": 1, "wait": 20.5, "receive": 3},
            }
        ]
    }
}
VCR = f"""\
interactions:
- request:
    body: '{BODY}'
    headers: {{authorization: [Bearer sk-0123456789abcdef]}}
    method: POST
    uri: {URL}
  response:
    body: {{string: !!binary aGk=}}
    headers: {{content-type: [text/plain], transfer-encoding: [chunked]}}
    status: {{code: 429, message: Slow Down}}
version: 1
"""
BATCH = "\n".join(
    [
        json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": json.loads(BODY)}),
        json.dumps({"custom_id": "a", "response": {"status_code": 200, "body": {"id": "x"}}}),
    ]
)  # fmt: skip


def test_har() -> None:
    """Request, head and body, with the times that the file has."""
    (one,) = imported(json.dumps(HAR), "har", "f.har")
    assert one.request.target == "/v1/chat/completions?x=1"
    assert one.request.headers == (("Authorization", "Bearer ***cdef"),)
    assert one.request.body == BODY.encode()
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=***; Path=/\r\ncontent-length: 2\r\n\r\n"
    assert [(piece.at, piece.data) for piece in one.recording.pieces] == [
        (21500, head),
        (24500, b"hi"),
    ]


def test_vcr() -> None:
    """An interaction of vcrpy; its framing headers are those of another time."""
    (one,) = imported(VCR, "vcr", "f.yaml")
    head = b"HTTP/1.1 429 Slow Down\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nhi"
    assert b"".join(piece.data for piece in one.recording.pieces) == head
    assert one.request.headers == (("authorization", "Bearer ***cdef"),)


def test_jsonl() -> None:
    """A batch's request and result are joined; a conversation's last message is the answer."""
    (one,) = imported(BATCH, "openai-jsonl", "f")
    assert one.request.data == json.loads(BODY)
    assert one.recording.pieces[0].data.endswith(b'\r\n\r\n{"id": "x"}')
    said = {"role": "assistant", "content": "Hello."}
    line = json.dumps({"messages": [{"role": "user", "content": "Hi"}, said]})
    (two,) = imported(line, "openai-jsonl", "f")
    assert two.request.data["messages"] == [{"role": "user", "content": "Hi"}]
    assert b'"content": "Hello."' in two.recording.pieces[0].data


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        ("{", "har", "f: expected a har file: "),
        ("{}", "har", "f: a part of a har file is missing or of another type (KeyError('log'))"),
        ("a: 1", "vcr", "f: expected the key 'interactions'; is it of the format vcr?"),
        ("[", "vcr", "f: expected a vcr file: "),
        ('{"a": 1}', "openai-jsonl", "f: expected lines with messages, or with custom_id"),
        (BATCH.split("\n")[1], "openai-jsonl", "f: expected a line with custom_id 'a' and the request's body"),
    ],
)  # fmt: skip
def test_what_is_none(text: str, form: str, message: str) -> None:
    """A file of another format is refused with what was expected."""
    with pytest.raises(CassetteError) as caught:
        imported(text, form, "f")
    assert str(caught.value).startswith(message)


def test_the_command(tmp_path: Path) -> None:
    """`mockllm import` writes a cassette that a profile plays."""
    (tmp_path / "f.har").write_text(json.dumps(HAR), "utf-8")
    out = tmp_path / "c.yaml"
    done = CliRunner().invoke(cli, ["import", "har", str(tmp_path / "f.har"), "--out", str(out)])
    assert (done.exit_code, done.output) == (0, f"1 exchanges are in {out}\n")
    assert len(cassette(out).exchanges) == 1
    (tmp_path / "p.yaml").write_text("mockllm: 1\nscript: {replay: c.yaml}\n", "utf-8")
    with MockLLM(tmp_path / "p.yaml") as server, connected(server.url) as raw:
        raw.send(chat(model="m"))
        assert raw.read_while_not_ended(b"hi").startswith(b"HTTP/1.1 200 OK\r\n")
    done = CliRunner().invoke(cli, ["import", "vcr", str(tmp_path / "no"), "--out", str(out)])
    assert done.exit_code == 1
    assert "cannot read" in done.output
