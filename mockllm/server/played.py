"""What aiohttp is given for an answer that is on its way already."""

from __future__ import annotations

from aiohttp import web


class Played(web.StreamResponse):
    """A response whose bytes the player has sent: the only class that leans on aiohttp's inside."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._stays = keep_alive

    @property
    def keep_alive(self) -> bool:
        """Whether aiohttp waits for another request."""
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing is left to send."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""


STAYS, LEAVES = Played(keep_alive=True), Played(keep_alive=False)
"""One of each is enough: a response that was sent says nothing else, and making one takes long."""
