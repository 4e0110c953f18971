"""The bodies of the commands `mockllm record` and `mockllm import`; each returns the exit status."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mockllm.cassettes import MAX_BYTES
from mockllm.cassettes.cassette import CassetteError
from mockllm.cassettes.redacting import steps_of
from mockllm.record.aimock import from_aimock
from mockllm.record.importing import imported
from mockllm.record.proxy import RecordingProxy
from mockllm.record.recorder import Recorder
from mockllm.record.upstream import Upstream
from mockllm.server.log import log, set_up_log
from mockllm.server.serve import loop_factory
from mockllm.server.sweeping import settle_down, sweep


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """The options of `mockllm record`."""

    upstream: str
    out: Path
    wire: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    redact: Sequence[str] = ()
    record_missing: bool = False
    print_url: bool = False


def record(options: RecordOptions) -> int:
    """Record until a signal. Status 1 where that cannot begin, or where an exchange was not written."""
    set_up_log("text")
    try:
        upstream = Upstream(options.upstream)
        check_paths(options.redact)
        recorder = Recorder(
            options.out,
            upstream=upstream.url,
            wire=options.wire or "",
            redacted=options.redact,
        )
    except (ValueError, CassetteError) as error:
        return refused(str(error))
    except OSError as error:
        return refused(
            f"cannot write {options.out}: {error.strerror or error}; choose another file"
        )
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve(upstream, recorder, options))
    except OSError as error:
        return refused(str(error.strerror or error))
    finally:
        recorder.close()
    if recorder.lost:
        return refused(f"{recorder.lost} exchanges are not in {options.out}; the log says why")
    return 0


def check_paths(paths: Sequence[str]) -> None:
    """Refuse paths that nothing could follow: what they should hide would be written. Raises
    `ValueError`."""
    for path in paths:
        try:
            steps_of(path)
        except ValueError as error:
            raise ValueError(f"--redact: {error}") from None


async def serve(upstream: Upstream, recorder: Recorder, options: RecordOptions) -> None:
    """The life of the proxy."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    proxy = RecordingProxy(upstream, recorder, missing=options.record_missing)
    await proxy.start(options.host, options.port)
    if options.print_url:
        print(proxy.url, flush=True)  # noqa: T201
    settle_down()
    sweeper = asyncio.ensure_future(sweep(lambda: proxy.busy))
    log.info("mockllm records url=%s upstream=%s out=%s", proxy.url, upstream.url, options.out)
    await stop.wait()
    await proxy.stop()
    sweeper.cancel()
    log.info("%d exchanges were recorded to %s", proxy.recorded, options.out)


def import_file(form: str, file: Path, out: Path) -> int:
    """Write what others have recorded to a cassette, or their fixtures to a profile.

    Exchanges are appended to a cassette that is there; a profile that is there stays.
    """
    if form == "aimock":
        return import_fixtures(file, out)
    try:
        if file.stat().st_size > MAX_BYTES:
            return refused(f"{file}: expected a file of at most {MAX_BYTES} bytes")
        found = imported(file.read_text("utf-8"), form, str(file))
    except CassetteError as error:
        return refused(str(error))
    except OSError as error:
        return refused(f"cannot read {file}: {error.strerror or error}")
    except UnicodeDecodeError:
        return refused(f"{file}: expected a file of UTF-8 text")
    try:
        recorder = Recorder(out, upstream="")
    except CassetteError as error:
        return refused(str(error))
    except OSError as error:
        return refused(f"cannot write {out}: {error.strerror or error}; choose another file")
    for exchange in found:
        recorder.write(exchange)
    recorder.close()
    print(f"{len(found) - recorder.lost} exchanges are in {out}")  # noqa: T201
    return 1 if recorder.lost else 0


def import_fixtures(path: Path, out: Path) -> int:
    """Write fixtures of aimock to a profile, and what is not in it to stderr."""
    try:
        found = from_aimock(path)
    except CassetteError as error:
        return refused(str(error))
    except OSError as error:
        return refused(f"cannot read {error.filename or path}: {error.strerror or error}")
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(found.text)
    except FileExistsError:
        return refused(f"{out} is there, and is not replaced; choose another file, or remove it")
    except OSError as error:
        return refused(f"cannot write {out}: {error.strerror or error}; choose another file")
    for note in found.notes:
        print(f"not as in aimock: {note}", file=sys.stderr)  # noqa: T201
    print(f"{found.fixtures} fixtures are in {out}")  # noqa: T201
    return 0


def refused(message: str) -> int:
    """Say on stderr what is wrong."""
    print(f"mockllm: {message}", file=sys.stderr)  # noqa: T201
    return 1
