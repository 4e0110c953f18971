"""The servers, one a file, mockllm last: in each run they take turns in this order."""

from __future__ import annotations

from tests.bench.peer import Peer
from tests.bench.servers import (
    aimock,
    guidellm,
    llmock,
    llmsim,
    mockllm,
    naive,
    pacer,
    vidaimock,
)

ALL = {
    peer.name: peer
    for peer in (
        pacer.PEER,
        naive.PEER,
        aimock.PEER,
        llmock.PEER,
        guidellm.PEER,
        llmsim.PEER,
        vidaimock.PEER,
        mockllm.PEER,
    )
}
__all__ = ["ALL", "Peer"]
