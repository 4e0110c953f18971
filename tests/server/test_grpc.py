"""KServe's V2 over gRPC, asked by grpcio: answers, faults, streams, and what the journal says."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
import uvloop

from mockllm.engine.journal import Entry
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library
from mockllm.profile.loader import load
from mockllm.server.grpc_messages import CLASSES, SERVICE
from mockllm.server.service import Service, Settings
from mockllm.server.threaded import Threaded
from mockllm.wires.kserve_v2_binary import pack_texts

PATIENCE = 20.0
"""Seconds after which a call is given up: a guard, not a measure."""
UNAVAILABLE = "Model with name m is not ready."


class Server:
    """A running server and a client of it."""

    def __init__(self, running: Threaded) -> None:
        self.running = running
        self.target = running.service.grpc_target
        self.channel = self._connection()

    def _connection(self) -> grpc.Channel:
        """A client that shares its connection with no other, as those of one process else do."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        return grpc.insecure_channel(self.target, options=options)

    def reconnect(self) -> None:
        """Call on another connection from here on."""
        self.close()
        self.channel = self._connection()

    def close(self) -> None:
        """Close the client's connection."""
        self.channel.close()

    def call(
        self, name: str, message: Any = None, *, timeout: float = PATIENCE, **metadata: str
    ) -> Any:
        """The response of a method; raises `grpc.RpcError`."""
        response = "ModelInferResponse" if name == "ModelInfer" else f"{name}Response"
        made = self.channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=CLASSES[response].FromString,
        )
        metadata_of = tuple((key.replace("_", "-"), value) for key, value in metadata.items())
        request = CLASSES[f"{name}Request"]() if message is None else message
        return made(request, timeout=timeout, metadata=metadata_of)

    def stream(self, messages: Iterator[Any], timeout: float = PATIENCE) -> Any:
        """The responses of a stream."""
        made = self.channel.stream_stream(
            f"/{SERVICE}/ModelStreamInfer",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=CLASSES["ModelStreamInferResponse"].FromString,
        )
        return made(messages, timeout=timeout)

    def entries(self) -> tuple[Entry, ...]:
        """The journal, when no call is in flight."""
        self.running.settle()
        return self.running.call(lambda service: tuple(service.engine.journal.entries()))


@pytest.fixture(params=["asyncio", "uvloop"])
def start(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What starts a server with a profile of the lines behind the first."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
    with ExitStack() as stack:

        def start(text: str = "", *, speed: float = 1.0) -> Server:
            profile = load(f"mockllm: 1\nmodels: [m]\n{text}", name="p")
            settings = Settings(grpc_port=0, conditions=Conditions(speed=speed, paced=False))
            server = Server(Threaded(lambda: Service(Library(), profile, settings), factory))
            stack.callback(server.running.stop)
            stack.callback(server.close)
            return server

        yield start


def infer(model: str = "m", *, raw: bool = False, **changes: Any) -> Any:
    """An inference of two texts."""
    one: dict[str, Any] = {"name": "x", "datatype": "BYTES", "shape": [2], **changes}
    if not raw:
        one.setdefault("contents", {"bytes_contents": [b"no", b"why so"]})
    raws = [pack_texts([b"no", b"why \xff"])] if raw else []
    return CLASSES["ModelInferRequest"](
        model_name=model, id="7", inputs=[one], raw_input_contents=raws
    )


def failure(call: Any) -> tuple[str, str]:
    """Code and text of the error that a call raises."""
    with pytest.raises(grpc.RpcError) as raised:
        call()
    error: Any = raised.value
    return error.code().name, error.details()


def texts(response: Any) -> list[bytes]:
    """The elements of the first output."""
    return list(response.outputs[0].contents.bytes_contents)


def test_server_and_models(start: Any) -> None:
    """Life, readiness, metadata, repository: what REST says."""
    server = start()
    assert server.call("ServerLive").live is True
    assert server.call("ServerReady").ready is True
    metadata = server.call("ServerMetadata")
    assert (metadata.name, metadata.version) == ("kserve", "0.21.0")
    assert list(metadata.extensions) == ["model_repository_extension"]
    known = CLASSES["ModelMetadataRequest"](name="m", version="ignored")
    assert server.call("ModelMetadata", known).name == "m"
    assert server.call("ModelReady", CLASSES["ModelReadyRequest"](name="m")).ready is True
    assert failure(lambda: server.call("ModelReady", CLASSES["ModelReadyRequest"](name="no"))) == (
        "NOT_FOUND",
        "Model with name no does not exist.",
    )
    assert server.call("RepositoryIndex").models[0].state == "Ready"
    unload = CLASSES["RepositoryModelUnloadRequest"]
    assert server.call("RepositoryModelUnload", unload(first="m")).isUnloaded is True  # KServe's
    assert failure(lambda: server.call("ModelInfer", infer()))[0] == "NOT_FOUND"
    load_it = CLASSES["RepositoryModelLoadRequest"](second="m")  # Triton's
    assert server.call("RepositoryModelLoad", load_it).isLoaded is True
    assert server.call("ModelInfer", infer()).model_name == "m"


def test_infer(start: Any) -> None:
    """One text for each row, in contents, under the names that are asked for."""
    server = start("script: {text: ü}")
    message = infer()
    message.outputs.add(name="a")
    message.outputs.add(name="b")
    response = server.call("ModelInfer", message)
    assert (response.model_name, response.id) == ("m", "7")
    assert [one.name for one in response.outputs] == ["a", "b"]
    assert [list(one.shape) for one in response.outputs] == [[2], [2]]
    assert texts(response) == ["ü".encode()] * 2


def test_infer_raw(start: Any) -> None:
    """Raw contents in, raw contents out; elements need not be text."""
    server = start("script: {text: ü}")
    response = server.call("ModelInfer", infer(raw=True))
    assert list(response.raw_output_contents) == [pack_texts(["ü".encode()] * 2)]
    assert response.outputs[0].parameters["binary_data_size"].int64_param == 12
    numbers = CLASSES["ModelInferRequest"](
        model_name="m",
        inputs=[{"name": "x", "datatype": "FP32", "shape": [1, 2]}],
        raw_input_contents=[struct.pack("<2f", 1, 2)],
    )
    assert server.call("ModelInfer", numbers).raw_output_contents[0] == pack_texts(["ü".encode()])


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        (infer("no"), "NOT_FOUND", "Model with name no does not exist."),
        (infer(datatype="NOPE"), "INVALID_ARGUMENT", "invalid content type"),
        (infer(shape=[3]), "INTERNAL", "Internal server error"),
        (
            infer(raw=True, contents={"bytes_contents": [b"x"]}),
            "INVALID_ARGUMENT",
            "contents field must not be specified when using raw_input_contents "
            "for input 'x' for model 'm'",
        ),
    ],
)
def test_refusals(start: Any, message: Any, code: str, text: str) -> None:
    """A bad request has KServe's status and text."""
    assert failure(lambda: start().call("ModelInfer", message)) == (code, text)


def test_what_is_no_request(start: Any) -> None:
    """An unknown method is unimplemented, bytes that are no message are an internal error."""
    server = start()
    other = server.channel.unary_unary(f"/{SERVICE}/ModelConfig")
    assert failure(lambda: other(b"", timeout=PATIENCE)) == ("UNIMPLEMENTED", "Method not found!")
    broken = server.channel.unary_unary(f"/{SERVICE}/ModelInfer")
    assert failure(lambda: broken(b"\xff\xff", timeout=PATIENCE))[0] == "INTERNAL"
    assert server.call("ServerLive").live is True


def test_a_port_of_its_own_speaks_no_http1(start: Any) -> None:
    """A connection that is no HTTP/2 is closed, and others go on."""
    server = start()
    host, _, port = server.target.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while sock.recv(4096):
            pass
    assert server.call("ServerLive").live is True


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        ("{fail: 503}", "UNAVAILABLE", UNAVAILABLE),
        ("{fail: 429}", "RESOURCE_EXHAUSTED", "bad thing"),
        ("{fail: {status: 401, message: no}}", "UNAUTHENTICATED", "no"),
        ("{fail: {status: 504, message: 'ü 100%'}}", "DEADLINE_EXCEEDED", "ü 100%"),
        ("{fail: {status: 418, message: tea}}", "UNKNOWN", "tea"),
        ("{reply: envoy.no-healthy-upstream}", "UNAVAILABLE", "no healthy upstream"),
    ],
)
def test_statuses(start: Any, fault: str, code: str, text: str) -> None:
    """A status of HTTP becomes one of gRPC, with the error's text; then the route is healthy."""
    server = start(f"faults: [{fault[:-1]}, first: 1}}]")
    assert failure(lambda: server.call("ModelInfer", infer())) == (code, text)
    assert server.call("ModelInfer", infer()).id == "7"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("{close: rst, at: head}", "CANCELLED"),
        ("{close: rst, at: request}", "CANCELLED"),
        ("{close: fin, at: head}", "UNAVAILABLE"),
        ("{close: fin, at: byte 20}", "UNAVAILABLE"),
        ("{edit: {truncate: 20}, at: frame 1}", "INTERNAL"),
        ("{hang: forever}", "DEADLINE_EXCEEDED"),
        ("{wait: forever, at: head}", "DEADLINE_EXCEEDED"),
    ],
)
def test_broken_answers(start: Any, fault: str, code: str) -> None:
    """A stream that is reset, a connection that ends, half a message, one that is none, silence."""
    server = start(f"faults: [{fault[:-1]}, first: 1}}]")
    timeout = 0.3 if "forever" in fault else PATIENCE
    assert failure(lambda: server.call("ModelInfer", infer(), timeout=timeout))[0] == code
    entry = server.entries()[0]
    assert len(entry.acted) == 1
    endings = {"CANCELLED": "reset", "DEADLINE_EXCEEDED": "peer gone", "INTERNAL": "done"}
    assert entry.outcome.ending == endings.get(code, "closed")
    server.reconnect()  # a call on one that has ended fails where grpcio has not seen its end yet
    assert server.call("ModelInfer", infer()).id == "7"


def test_a_reset_leaves_the_other_calls_alone(start: Any) -> None:
    """RST_STREAM ends one call of a connection, and no other."""
    routes = "{match: {message: why}, faults: [{close: rst, at: head}]}"
    server = start(f"routes: [{routes}, {{faults: [{{wait: 300ms}}]}}]")
    other = infer(contents={"bytes_contents": [b"a", b"b"]})
    found: list[Any] = []
    slow = threading.Thread(target=lambda: found.append(server.call("ModelInfer", other)))
    slow.start()
    assert server.running.wait_for(lambda service: len(service.in_flight) == 1)
    assert failure(lambda: server.call("ModelInfer", infer()))[0] == "CANCELLED"
    slow.join(PATIENCE)
    assert found[0].id == "7"


def test_a_stream(start: Any) -> None:
    """One response for each piece and request, and an error does not end the stream."""
    server = start("script: {text: one two}")
    responses = list(server.stream(iter([infer(), infer("no"), infer()])))
    said = [
        one.error_message or b"".join(texts(one.infer_response)[:1]).decode() for one in responses
    ]
    assert said == ["one", " two", "Model with name no does not exist.", "one", " two"]


@pytest.mark.parametrize(
    ("fault", "code", "whole"),
    [
        ("{close: rst, at: after content 3}", "CANCELLED", 3),
        ("{close: fin, at: after content 3}", "UNAVAILABLE", 3),
        ("{wait: forever, at: after content 3}", "DEADLINE_EXCEEDED", 3),
    ],
)
def test_a_stream_that_breaks(start: Any, fault: str, code: str, whole: int) -> None:
    """Three responses are sent, then comes the end."""
    server = start(f"script: text60\nfaults: [{fault}]")
    timeout = 1.0 if "forever" in fault else PATIENCE
    responses: list[Any] = []
    assert failure(lambda: responses.extend(server.stream(iter([infer()]), timeout)))[0] == code
    assert len(responses) <= whole  # a client may drop what it has when the stream ends
    if code == "DEADLINE_EXCEEDED":
        assert len(responses) == whole
    assert server.entries()[0].frames_sent == whole


def test_a_client_that_cancels(start: Any) -> None:
    """The journal says that the client left, and the server goes on."""
    server = start("script: text60\nfaults: [{wait: forever, at: after content 1}]")
    responses = server.stream(iter([infer()]))
    next(responses)
    responses.cancel()
    assert server.running.wait_for(
        lambda service: (
            [one.outcome.ending for one in service.engine.journal.entries()] == ["peer gone"]
        )
    )
    assert server.call("ServerLive").live is True


def test_a_large_answer(start: Any) -> None:
    """An answer over the client's window arrives whole."""
    count = 5_000  # times sixty words
    message = infer(shape=[count], contents={"bytes_contents": [b"a"] * count})
    response = start("script: text60").call("ModelInfer", message)
    assert len(texts(response)) == count
    assert len(set(texts(response))) == 1


def test_a_large_request(start: Any) -> None:
    """A request over the server's first window is read whole."""
    message = CLASSES["ModelInferRequest"](
        model_name="m",
        inputs=[{"name": "x", "datatype": "UINT8", "shape": [3_000_000]}],
        raw_input_contents=[bytes(3_000_000)],
    )
    message.inputs[0].shape[:] = [1, 3_000_000]
    assert len(start().call("ModelInfer", message).raw_output_contents) == 1


def test_routes_and_metadata(start: Any) -> None:
    """Matchers see the wire, the message and the metadata; a header chooses a profile."""
    server = start(
        "routes: [{match: {wire: kserve.v2, message: why, header: {x-team: a}}, script: {text: A}},"
        " {script: {text: B}}]"
    )
    assert texts(server.call("ModelInfer", infer(), x_team="a")) == [b"A", b"A"]
    assert texts(server.call("ModelInfer", infer())) == [b"B", b"B"]
    assert failure(lambda: server.call("ModelInfer", infer(), x_mockllm_profile="nobody"))[0] == (
        "NOT_FOUND"
    )
    entries = server.entries()
    assert [entry.path for entry in entries] == ["/v2/models/m/infer"] * 3
    assert entries[0].headers[":path"] == f"/{SERVICE}/ModelInfer"
    assert [entry.status for entry in entries] == [200, 200, 404]


def test_loading(start: Any) -> None:
    """While models load, readiness is an answer and an inference an error."""
    server = start("loading: 1h")
    assert server.call("ServerLive").live is True
    assert server.call("ServerReady").ready is False
    assert server.call("ModelReady", CLASSES["ModelReadyRequest"](name="m")).ready is False
    assert failure(lambda: server.call("ModelInfer", infer())) == ("UNAVAILABLE", UNAVAILABLE)


def test_the_stop_lets_go(start: Any) -> None:
    """A stop ends calls that hang, and the port is free."""
    server = start("faults: [{hang: forever}]")
    failures: list[tuple[str, str]] = []
    waiting = threading.Thread(
        target=lambda: failures.append(failure(lambda: server.call("ModelInfer", infer())))
    )
    waiting.start()
    assert server.running.wait_for(lambda service: len(service.in_flight) == 1)
    server.running.stop()
    waiting.join(PATIENCE)
    assert failures[0][0] == "UNAVAILABLE"
    assert server.running.service.engine.journal.entries()[0].outcome.ending == "held"
