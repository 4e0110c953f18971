"""The file that is recorded to: whole exchanges are appended, and nothing that is there is lost."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from mockllm.cassettes import MAX_BYTES
from mockllm.cassettes.cassette import Cassette, CassetteError, Exchange
from mockllm.cassettes.reading import read
from mockllm.cassettes.text import exchange_lines, exchange_text, header_text, text_of_lines

log = logging.getLogger("mockllm")
SLICE = 100e-6
"""Seconds for which the making of a text may hold up a stream."""


class Recorder:
    """A cassette that grows.

    Raises `CassetteError` for a file that is no cassette, or that hides other things, and `OSError`
    where it cannot be read or written. An exchange at its end that was not written whole is turned
    into comments, so that it stays readable and nothing takes it for one.
    """

    def __init__(
        self, path: Path, *, upstream: str, wire: str = "", redacted: Sequence[str] = ()
    ) -> None:
        self.path = path
        self.cassette = Cassette((), upstream, wire, tuple(redacted), str(path))
        """What was there at the start."""
        self.lost = 0
        """Exchanges that could not be written."""
        self._size = 0
        if path.exists() and not path.is_file():
            raise CassetteError([f"{path}: expected a file, got a device, a pipe or a folder"])
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._lock()
            self._begin(path.read_bytes())
        except BaseException:
            os.close(self._file)
            raise

    def _lock(self) -> None:
        """Keep others from writing to the file: what two write would be torn."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = "another recorder writes to it; stop that one, or choose another file"
            raise CassetteError([f"{self.path}: {said}"]) from None

    def _begin(self, there: bytes) -> None:
        """Write the first document, or read what is there."""
        if not there.strip():
            made = self.cassette
            self._append(header_text(made.upstream, made.wire, made.redacted).encode())
            return
        if len(there) > MAX_BYTES:
            raise CassetteError([f"{self.path}: expected a cassette of at most {MAX_BYTES} bytes"])
        try:
            text = there.decode()
        except UnicodeDecodeError:
            raise CassetteError([f"{self.path}: expected a cassette, got no UTF-8"]) from None
        found = read(text, str(self.path))
        if not found.exchanges and found.torn is None:
            os.ftruncate(self._file, 0)
            self._begin(b"")
            return
        if found.redacted != self.cassette.redacted:
            given = " ".join(f"--redact '{path}'" for path in found.redacted) or "no --redact"
            said = f"expected the same bodies to be redacted ({given}), or another file"
            raise CassetteError([f"{self.path}:1:1: {said}"])
        self.cassette = found
        self._size = len(there)
        if found.torn is not None:
            log.warning("%s; it is turned into comments", found.warnings[0])
            whole = len(text[: found.torn].encode())
            torn = text[found.torn :].splitlines()
            self._size = whole
            self._append("".join(f"# torn: {line}\n" for line in torn).encode())

    def _append(self, data: bytes) -> None:
        """Write behind what is there; all of it, or nothing (raises `OSError`)."""
        done = 0
        try:
            while done < len(data):
                done += os.pwrite(self._file, data[done:], self._size + done)
            os.ftruncate(self._file, self._size + done)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += done

    def _look(self, more: int) -> None:
        """What has become of the file meanwhile; raises `OSError` where no more can be written."""
        found = os.fstat(self._file)
        if not found.st_nlink:
            raise OSError(errno.ENOENT, "the file was removed or replaced; start again")
        if found.st_size != self._size:
            log.warning("%s was changed meanwhile; it is continued at its new end", self.path)
            self._size = found.st_size
        if self._size + more > MAX_BYTES:
            what = (
                f"it would have more than {MAX_BYTES} bytes, which nobody reads; take another file"
            )
            raise OSError(errno.EFBIG, what)

    def write(self, exchange: Exchange) -> bool:
        """Append an exchange; False, with a word in the log, where that cannot be."""
        return self._write(exchange, exchange_text(exchange))

    async def write_meanwhile(self, exchange: Exchange) -> bool:
        """Append an exchange whose text is made in slices, so that streams pass between them."""
        lines = []
        due = perf_counter() + SLICE
        for line in exchange_lines(exchange):
            lines.append(line)
            if perf_counter() > due:
                await asyncio.sleep(0)
                due = perf_counter() + SLICE
        return self._write(exchange, text_of_lines(lines))

    def _write(self, exchange: Exchange, text: str) -> bool:
        """Append the text of an exchange."""
        try:
            data = text.encode()
            self._look(len(data))
            self._append(data)
        except OSError as error:
            self.lost += 1
            log.error(
                "%s: %s: %s %s is not recorded; what was written before is whole",
                self.path,
                error.strerror or error,
                exchange.request.method,
                exchange.request.path,
            )
            return False
        return True

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
