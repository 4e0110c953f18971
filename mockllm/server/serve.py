"""`mockllm serve`: a service until a signal, with its banner, its log and its watch over files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mockllm import __version__
from mockllm.engine.journal import Entry
from mockllm.engine.plan import Conditions, fitting
from mockllm.engine.report import unscaled
from mockllm.profile.library import Library, is_path
from mockllm.profile.loader import Loaded
from mockllm.profile.problems import ProfileError
from mockllm.server.application import Application
from mockllm.server.grpc_extra import GrpcMissing
from mockllm.server.log import log, set_up_log
from mockllm.server.punctual import warn_when_late
from mockllm.server.service import Service, Settings
from mockllm.server.sweeping import settle_down, sweep
from mockllm.server.tls import TlsMissing

POLL = 0.5
"""Seconds between two looks at a profile's file. Polling its content sees what inotify misses:
bind mounts, and the symlinks that Kubernetes swaps under a ConfigMap."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command."""

    host: str
    port: int
    seed: int | None
    speed: float
    print_url: bool
    ready_file: Path | None
    log_format: str
    note: str | None = None
    """What else the log says at the start."""
    upstream: str | None = None
    """The server that answers, where this one is a proxy."""
    grpc_port: int | None = None
    """The port for gRPC; 0 takes a free one, None opens none."""


def run(
    library: Library,
    profiles: Sequence[Loaded],
    options: Options,
    answers: Callable[..., Application] = Application,
) -> int:
    """Serve until a signal; returns the exit status. `answers` is what `Service` takes."""
    lines = set_up_log(options.log_format)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve(library, profiles, options, lines.call, answers))
    except (OSError, TlsMissing, GrpcMissing) as error:
        print(f"mockllm: {said(error)}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        if options.ready_file is not None:  # nobody waits for a server that is gone
            options.ready_file.unlink(missing_ok=True)
    return 0


def said(error: Exception) -> str:
    """What kept a server from starting, in one line."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot write {error.filename}: {error.strerror}"
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)


def loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """uvloop's loop where the extra `speed` is installed, else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: type[asyncio.AbstractEventLoop] = uvloop.Loop
    return factory


async def serve(
    library: Library,
    profiles: Sequence[Loaded],
    options: Options,
    on_entry: Callable[[Entry], None],
    answers: Callable[..., Application] = Application,
) -> None:
    """The life of the server."""
    settings = Settings(
        options.host,
        options.port,
        Conditions(options.seed, options.speed),
        os.environ.get("MOCKLLM_ADMIN_TOKEN") or None,
        options.grpc_port,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    service = Service(library, profiles[0], settings, on_entry=on_entry, answers=answers)
    for profile in profiles[1:]:
        service.engine.add(profile)
    if options.ready_file is not None:
        options.ready_file.unlink(missing_ok=True)  # of a server that was killed
    await service.start()
    announce(service, profiles, options)
    settle_down()
    chores = (
        loop.create_task(reload_changed(service, profiles)),
        loop.create_task(sweep(lambda: bool(service.in_flight))),
        loop.create_task(warn_when_late(lambda: service.engine.lateness.counts)),
    )
    await stop.wait()
    for chore in chores:
        chore.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await chore
    await service.stop()


def announce(service: Service, profiles: Sequence[Loaded], options: Options) -> None:
    """Say that clients can connect, and how."""
    url = service.url
    if options.ready_file is not None:
        # Written aside and renamed, so that nobody reads half a URL.
        aside = options.ready_file.with_name(options.ready_file.name + ".part")
        aside.write_text(url + "\n", "utf-8")
        aside.replace(options.ready_file)
    if options.print_url:
        print(url, flush=True)  # noqa: T201
    for name, there in service.listeners.items():
        log.info("listener %s url=%s", name, there)
    if service.grpc_target:
        log.info("grpc target=%s", service.grpc_target)
    seed = fitting(Conditions(options.seed), profiles[0].profile).seed
    if options.note is not None:
        log.info(options.note)
    log.info("mockllm ready url=%s profile=%s seed=%d", url, profiles[0].name, seed)
    for profile in profiles:
        if options.speed != 1 and not profile.profile.scalable:
            log.info(unscaled(profile.name))
    off = service.guard.off
    if off is not None:
        log.info(off)
    if options.log_format == "text":
        shown = banner(url, profiles, upstream=options.upstream, admin=off is None)
        print(shown, file=sys.stderr, flush=True)  # noqa: T201


def banner(
    url: str, profiles: Sequence[Loaded], *, upstream: str | None = None, admin: bool
) -> str:
    """How to use the server, to copy and paste; a client of an `upstream` keeps its own key."""
    about = profiles[0].profile.about
    key = "OPENAI_API_KEY=mockllm-not-a-key" if upstream is None else f"# before {upstream}"
    base = "" if upstream and urlsplit(upstream).path.strip("/") else "/v1"
    auth = "" if upstream is None else ' -H "authorization: Bearer $OPENAI_API_KEY"'
    journal = f"\n  journal: {url}/_mockllm/journal      switch: mockllm use NAME --url {url}"
    return f"""
  mockllm {__version__}   profile {profiles[0].name}{": " if about else ""}{about}

  export OPENAI_BASE_URL={url}{base} {key}

  curl -N $OPENAI_BASE_URL/chat/completions -H 'content-type: application/json'{auth} \\
    -d '{{"model": "gpt-4o-mini", "stream": true, "messages": [{{"role": "user", "content": "Hi"}}]}}'

  any profile per request: model mock-NAME, API key mock-NAME, or {url}/p/NAME/v1{journal if admin else ""}
"""


async def reload_changed(service: Service, profiles: Sequence[Loaded]) -> None:
    """Read profiles that were given by path again when their text changes."""
    known = {profile.file: texts(profile) for profile in profiles if is_path(profile.file)}
    while known:
        await asyncio.sleep(POLL)
        for file in known:
            reread(service, file, known)


def texts(profile: Loaded) -> dict[str, str]:
    """The texts of a profile and of what it extends, by file."""
    return {one.file: one.text for one in profile.family}


MISSING: dict[str, str] = {}
"""The texts of a profile whose file is not there."""


def reread(service: Service, file: str, known: dict[str, dict[str, str]]) -> None:
    """Read one file again; a bad edit keeps the profile that was on and says what is wrong."""
    try:
        now = {one: Path(one).read_text("utf-8") for one in known[file] or {file: ""}}
    except (OSError, UnicodeDecodeError) as error:
        # An editor replaces files, so it may be there at the next look; it is said once.
        if known[file] != MISSING:
            log.warning("%s cannot be read (%s); the profile before stays on", file, error)
        known[file] = MISSING
        return
    if now == known[file]:
        return
    known[file] = now
    try:
        profile = service.engine.library.load_path(Path(file))
    except ProfileError as error:
        log.error("%s\nthe profile before stays on", error)
    except OSError:
        known[file] = dict.fromkeys(now, "")
    else:
        known[file] = texts(profile)
        service.engine.add(profile)
        log.info("%s was read again", file)
