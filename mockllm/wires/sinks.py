"""`sink`: endpoints that take what clients report about calls: traces, logs, metrics.

A callback that writes a trace is a second client of the same program, and it fails in ways of its
own. Any running server takes what it sends, answers as the service does, and has it in the journal
(`wire: sink`), where a test counts records.

Sources. Langfuse, read in its sources (web/src/pages/api/public): ingestion answers 207 with every
event's id and status 201, OTLP 200 `{}`. OpenTelemetry's OTLP/HTTP (documented): an export that was
accepted is answered in the encoding of the request, as JSON `{}` or as a protobuf message without
fields, which is no byte. Nothing is checked, so a report that the real service would refuse is
accepted here. Other paths that take reports are named in a profile (`sinks`), and answer as receivers
of OTLP do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.heads import make_head
from mockllm.wires.json_bytes import compact
from mockllm.wires.wire import Setting, Wire

JSON = "application/json"
NEXT = f"{JSON}; charset=utf-8"
"""As the framework of Langfuse's server writes it."""
PROTOBUF = "application/x-protobuf"


class Reply(NamedTuple):
    """What a sink says."""

    status: int
    content_type: str
    body: bytes


def accepted(call: Call) -> Reply:
    """Langfuse's answer to a batch: each event was taken."""
    batch = call.data.get("batch")
    events = batch if isinstance(batch, list) else []
    ids = [event.get("id") for event in events if isinstance(event, dict)]
    document = {"successes": [{"id": id, "status": 201} for id in ids], "errors": []}
    return Reply(207, NEXT, compact(document))


def projects(call: Call) -> Reply:
    """The project that a key of Langfuse belongs to, which clients ask for to check the key."""
    document = {"data": [{"id": "mockllm", "name": "mockllm", "metadata": {}}]}
    return Reply(200, NEXT, compact(document))


def taken(call: Call) -> Reply:
    """Langfuse's answer to spans in OTLP, whatever their encoding."""
    return Reply(200, NEXT, b"{}")


def exported(call: Call) -> Reply:
    """The answer of an OTLP receiver, in the encoding of the request."""
    if (call.header("content-type") or "").startswith(PROTOBUF):
        return Reply(200, PROTOBUF, b"")
    return Reply(200, JSON, b"{}")


REPLIES: dict[tuple[str, str], Callable[[Call], Reply]] = {
    ("POST", "/api/public/ingestion"): accepted,
    ("GET", "/api/public/projects"): projects,
    ("POST", "/api/public/otel/v1/traces"): taken,
    ("POST", "/v1/traces"): exported,
    ("POST", "/v1/metrics"): exported,
    ("POST", "/v1/logs"): exported,
}
"""Every sink: method, path, answer."""


class Sinks(Wire):
    """The endpoints of Langfuse and of OpenTelemetry's receivers."""

    name: ClassVar = "sink"
    source: ClassVar = "Langfuse's sources, OpenTelemetry's OTLP/HTTP (documented)."
    endpoints: ClassVar = tuple(REPLIES)

    def check_ready(self, call: Call, setting: Setting) -> None:
        """Nothing: a sink has no model to wait for."""

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """What the service says to a report that it takes; the script has no say."""
        method = "GET" if call.method == "HEAD" else call.method
        reply = REPLIES.get((method, call.path), exported)(call)
        head = make_head("plain", reply.status, reply.content_type, setting.identity)
        return (head, Frame(("body",), reply.body), End())
