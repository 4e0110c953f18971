"""The errors of KServe, beside mockllm and in front of it: `python -m tests.stories.kserve`."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from mockllm import MockLLM
from mockllm.engine.calls import Calls
from tests.parts.installed import need
from tests.parts.kserve_server import KServe, ask, free_ports, kserve, wait_for
from tests.stories.page import draw, table, write
from tests.stories.picture import Bar, of_calls, svg
from tests.wires.kserve_requests import INFER, JSON, PREDICT, PROFILE, Answer, Request, tensor

Shape = Literal["error: text", "error: object", "detail: text", "detail: list", "no JSON"]

PROGRAM = Path(__file__).parent / "programs/kserve_transformer.py"

REPLIES = {
    "V1's error, a text": "kserve.context-too-long",
    "OpenAI's error, an object": "kserve-openai.context-too-long",
    "FastAPI's detail": "{status: 422, shape: fastapi}",
    "Envoy's plain text": "envoy.no-healthy-upstream",
}
"""What the predictor says, in the order of the calls; the first two are the incident."""

PREDICTOR = "\n".join(
    [
        "mockllm: 1",
        "about: A predictor that says four errors in four shapes, then answers.",
        "models: [m]",
        "faults:",
        *(f"  - {{reply: {reply}, nth: {n}}}" for n, reply in enumerate(REPLIES.values(), 1)),
    ]
)


def post(path: str, document: Any) -> Request:
    """A request with a document, or with these bytes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Request("POST", path, body, JSON)


BAD = {
    "predict, broken JSON": post(PREDICT, b'{"instances": [1'),
    "predict, instances no list": post(PREDICT, {"instances": 5}),
    "predict, unknown model": post("/v1/models/no:predict", {"instances": [1]}),
    "infer, broken JSON": post(INFER, b'{"inputs": [1'),
    "infer, no inputs": post(INFER, {"id": "1"}),
    "infer, wrong shape": post(INFER, tensor(shape=[3])),
    "infer, unknown data type": post(INFER, tensor(datatype="NOPE")),
    "infer, unknown model": post("/v2/models/no/infer", tensor()),
    "model, unknown": Request("GET", "/v1/models/no"),
    "path, unknown": Request("GET", "/v1/nothing"),
}
"""Requests that are wrong, each for its own reason."""


class Passed(NamedTuple):
    """What a transformer made of an error of its predictor."""

    begin: float
    end: float
    answer: Answer


class Run(NamedTuple):
    """What happened."""

    real: dict[str, Answer]
    mock: dict[str, Answer]
    passed: dict[str, Passed]
    calls: Calls


def shape_of(body: str) -> Shape:
    """The shape of an error."""
    try:
        document = json.loads(body)
    except ValueError:
        return "no JSON"
    match document:
        case {"error": str()}:
            return "error: text"
        case {"error": dict()}:
            return "error: object"
        case {"detail": str()}:
            return "detail: text"
        case {"detail": list()}:
            return "detail: list"
        case _:
            raise AssertionError(f"a shape that nobody knows: {body}")


@contextmanager
def transformer(predictor: str, log: Path) -> Iterator[KServe]:
    """Run a transformer in front of a predictor, which is named by host and port."""
    ports = free_ports()
    command = [need("kserve"), str(PROGRAM), str(ports.http), str(ports.grpc), predictor]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_for(process, ports, log)
        yield ports
    finally:
        process.kill()
        process.wait()


def run() -> Run:
    """Bad requests to KServe and to mockllm, and errors of mockllm through KServe."""
    with tempfile.TemporaryDirectory() as name, MockLLM(PROFILE) as mock:
        folder = Path(name)
        port = urlsplit(mock.url).port or 0
        with kserve(folder / "server") as server:
            real = {what: ask(server.http, request) for what, request in BAD.items()}
        beside = {what: ask(port, request) for what, request in BAD.items()}
        with mock.fresh(PREDICTOR), transformer(urlsplit(mock.url).netloc, folder / "log") as ports:
            ask(ports.http, post(PREDICT, {"instances": ["Hi"]}))  # the first makes the client
            mock.clear()
            clock = mock.server.clock
            start = clock.now()
            passed = {}
            for what in [*REPLIES, "a good answer"]:
                begin = clock.now() - start
                answer = ask(ports.http, post(PREDICT, {"instances": ["Hi"]}))
                passed[what] = Passed(begin, clock.now() - start, answer)
            mock.settle()
            calls = mock.calls
    return Run(real, beside, passed, calls)


def main() -> None:
    """Write the page's tables and picture."""
    happened = run()
    rows = [
        [what, f"`{BAD[what].method} {BAD[what].path}`", str(one.status), shape_of(one.body)]
        for what, one in happened.real.items()
    ]
    write("kserve", "measured", table(["Request", "Endpoint", "Status", "Shape"], rows))
    rows = [
        [what, str(call.status), str(one.answer.status), code(one.answer.body)]
        for (what, one), call in zip(happened.passed.items(), happened.calls, strict=True)
    ]
    header = ["Predictor says", "Status", "Transformer's status", "Transformer's body"]
    write("kserve", "passed", table(header, rows))
    bars = [
        Bar("transformer", one.begin, one.end, f"{one.answer.status}: {what}", kind(one.answer))
        for what, one in happened.passed.items()
    ]
    title = "KServe's transformer in front of four errors of a predictor"
    draw("kserve", svg(title, [*bars, *of_calls("predictor (mockllm)", happened.calls)]))


def code(body: str) -> str:
    """A body in a cell of a table: the address is left out, and it is cut where it is long."""
    at = body.find(" for url")
    short = body if at < 0 else body[:at] + "…"
    return f"`{short if len(short) <= 150 else short[:150] + '…'}`".replace("|", "\\|")


def kind(answer: Answer) -> Literal["good", "bad"]:
    """How an answer is drawn."""
    return "good" if answer.status == 200 else "bad"


if __name__ == "__main__":
    main()
