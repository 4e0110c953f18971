"""The body of a request as it arrives, and how much of one is taken."""

from __future__ import annotations

import aiohttp

from mockllm.faults.fault import ErrorSpec

MAX_BODY = 32 << 20
MAX_DRAINED = 8 * MAX_BODY
"""How much of a body that is too large is read and thrown away, so that the 413 arrives."""


class Upload:
    """A request's body as it arrives."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content
        self._parts: list[bytes] = []
        self._size = 0

    async def reaches(self, size: int) -> bool:
        """Read on until so many bytes have come; False where the body is shorter."""
        while self._size < size:
            part = await self._content.readany()
            if not part:
                return False
            self._keep(part)
        return True

    @property
    def has_come(self) -> bool:
        """Whether nothing is left to wait for."""
        return self._content.is_eof()

    async def whole(self) -> bytes | None:
        """The whole body; None where it is over the limit (it has been read all the same)."""
        if self.has_come and not self._parts:
            body: bytes = self._content.read_nowait()
            return body if len(body) <= MAX_BODY else None
        async for part in self._content.iter_any():
            self._keep(part)
            if self._size > MAX_DRAINED:
                break
        return b"".join(self._parts) if self._size <= MAX_BODY else None

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= MAX_BODY:
            self._parts.append(part)
        else:
            self._parts.clear()


def too_large() -> ErrorSpec:
    """The refusal of a body over the limit."""
    return ErrorSpec(
        status=413,
        message=f"The request body is larger than {MAX_BODY >> 20} MiB.",
        error_type="invalid_request_error",
        code="request_too_large",
    )
