"""KServe's V2 over gRPC, beside the server's HTTP (extra `grpc`)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import DecodeError

from mockllm.engine.exchange import Here
from mockllm.engine.plan import Plan
from mockllm.server.address import BACKLOG, Address
from mockllm.server.application import Application
from mockllm.server.flight import Flight
from mockllm.server.grpc_calls import METHODS, Asked, Method
from mockllm.server.grpc_connection import Compressed, Connection, Stream, TooLarge
from mockllm.server.grpc_messages import CLASSES
from mockllm.server.grpc_timeline import INTERNAL, OK, UNIMPLEMENTED, lower_grpc, trailers
from mockllm.server.times import iso_time
from mockllm.timeline.valueclass import replace
from mockllm.wires.wire import Refused

RESOURCE_EXHAUSTED = 8
GOODBYE = 0.05
"""Seconds in which connections may send the rest at the stop."""


class Grpc:
    """A port on which an application answers gRPC; only to be used on the application's loop."""

    def __init__(self, application: Application, host: str, port: int) -> None:
        self._application = application
        self._host = host
        self._port = port
        self._address: Address | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    @property
    def port(self) -> int:
        """Where it listens; 0 before it does."""
        return self._address.port if self._address else 0

    async def start(self) -> None:
        """Bind and listen; raises `OSError` where the address cannot be had."""
        self._address = Address(self._host, self._port)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._serve, self._connections),
            sock=self._address.listening(),
            backlog=BACKLOG,
        )

    async def stop(self) -> None:
        """Stop listening, let go of every call, close every connection, give the port up."""
        if self._server is None or self._address is None:
            return
        self._server.close()
        connections = tuple(self._connections)
        for connection in connections:
            connection.release()
        if connections:
            await asyncio.wait([one.lost for one in connections], timeout=GOODBYE)
        for connection in tuple(self._connections):  # which wait for clients that do not read
            connection.abort()
        if connections:
            await asyncio.wait([one.lost for one in connections], timeout=GOODBYE)
        self._address.close()

    async def _serve(self, stream: Stream) -> None:
        """Answer one call."""
        method = METHODS.get(stream.header(":path"))
        if method is None:
            stream.write(trailers(UNIMPLEMENTED, "Method not found!").data)
            return
        try:
            async for data in stream.messages():
                if not await self._answered(stream, method, data):
                    return
                if not method.streams:
                    break
        except TooLarge as error:
            stream.write(trailers(RESOURCE_EXHAUSTED, str(error)).data)
        except Compressed:
            stream.write(trailers(UNIMPLEMENTED, "Compression is not supported.").data)
        else:
            stream.write(trailers(OK).data)  # which a unary answer has sent already

    async def _answered(self, stream: Stream, method: Method, data: bytes) -> bool:
        """Answer one message; whether the call may go on."""
        try:
            message = CLASSES[method.request].FromString(data)
        except DecodeError:
            stream.write(trailers(INTERNAL, "Exception deserializing request!").data)
            return False
        plan, asked = self._plan(stream, method, message)
        answer = replace(plan.answer.full, lowered=lower_grpc(plan, method, asked))
        plan = replace(plan, answer=answer)
        record = self._application.engine.begin(plan, iso_time())
        flight = Flight("POST", stream.header(":path"), stream)
        self._application.begin(flight)
        try:
            outcome = await self._application.play(plan, record, flight)
        finally:
            self._application.end(flight)
        return outcome.ending == "done"

    def _plan(self, stream: Stream, method: Method, message: Any) -> tuple[Plan, Asked]:
        """The plan of the call that a message stands for."""
        engine = self._application.engine
        url = f"http://{stream.header(':authority')}"
        here = Here(datetime.now(UTC).timestamp(), url, engine.listeners)
        refusal: Refused | None = None
        try:
            asked = method.asks(message)
        except Refused as error:
            refusal, asked = error, Asked("POST", f"/v2/models/{message.model_name}/infer")
        metadata = [pair for pair in stream.headers if pair[0] != "content-type"]
        call, name = engine.read(
            asked.method,
            asked.path,
            (*metadata, *asked.headers.items()),
            asked.body,
        )
        number = stream.connection.number
        if refusal is not None:
            return engine.refusal(call, refusal.spec, here, connection=number), asked
        return self._application.planned(call, name, here, connection=number), asked
