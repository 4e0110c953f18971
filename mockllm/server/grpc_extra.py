"""The way to the gRPC port, which needs the extra `grpc`: h2 and protobuf."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mockllm.server.application import Application

if TYPE_CHECKING:
    from mockllm.server.grpc import Grpc


class GrpcMissing(Exception):
    """The extra is not installed."""


def make_grpc(application: Application, host: str, port: int) -> Grpc:
    """A port that answers gRPC, to be started; raises `GrpcMissing`."""
    try:
        from mockllm.server.grpc import Grpc
    except ImportError:
        raise GrpcMissing("gRPC needs the extra: pip install 'mockllm-server[grpc]'") from None
    return Grpc(application, host, port)
