"""What the caller of a client saw, so that both sides of a call can be judged."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mockllm.engine.judge import ErrorKind, Failed, Seen

UNTYPED = frozenset(
    {
        *("builtins", "asyncio", "http", "json", "select", "socket", "ssl", "urllib"),
        *("aiohttp", "anyio", "h11", "h2", "httpcore", "httpcore2", "httpx", "httpx2"),
        *("requests", "trio", "urllib3"),
    }
)
"""Modules of languages and transports: an error of theirs is none of the client's own kinds."""


@dataclass
class Outcome:
    """What the caller of a client saw; a test fills in what it knows.

    An exception inside `with mockllm.outcome() as got:` is caught and stands in `error`. What stays
    None is not judged.
    """

    text: str | None = None
    """The text of an answer that was taken for whole."""
    error: Exception | None = None
    """What the client raised."""
    tool_calls: list[tuple[str, Any]] | None = None
    """The tool calls: name, and arguments as the JSON text that came."""
    finish: str | None = None
    """The finish reason."""
    usage: int | None = None
    """The completion tokens that the client was told."""
    records: int | None = None
    """How many records of the call were written: bills, traces, log lines."""
    alive: bool | None = None
    """Whether a later, healthy call through the same client succeeded."""
    model: str | None = None
    """The model that the answer names."""
    left: bool = False
    """Whether the test left the stream before its end."""
    seconds: float | None = None
    """How long the block took, on the server's clock."""
    typed: tuple[type[Exception], ...] = field(default=(), repr=False)
    """The client's own kinds of errors, where they cannot be told by their module."""

    @property
    def seen(self) -> Seen:
        """The same for the judge."""
        calls = None if self.tool_calls is None else tuple(self.tool_calls)
        return Seen(
            self.text,
            None if self.error is None else failed(self.error, self.typed),
            calls,
            self.finish,
            self.usage,
            self.seconds,
            self.records,
            self.alive,
            self.model,
            self.left,
        )


def failed(error: Exception, typed: tuple[type[Exception], ...] = ()) -> Failed:
    """An exception as the judge knows it: status and code are those of the first in its chain of
    causes that has them. A group that holds one exception is that exception."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return Failed(
        kind_of(error, typed),
        type(error).__name__,
        str(error),
        first(error, status_of),
        first(error, code_of),
    )


def kind_of(error: Exception, typed: tuple[type[Exception], ...]) -> ErrorKind:
    """Whether an exception is one of the client's own kinds, or its kind for time limits."""
    if isinstance(error, TimeoutError) or any(
        "timeout" in kind.__name__.lower() for kind in type(error).__mro__
    ):
        return "timeout"
    own = type(error).__module__.partition(".")[0] not in UNTYPED
    return "typed" if own or isinstance(error, typed) else "other"


def first(error: BaseException, find: Callable[[BaseException], Any]) -> Any:
    """What the exception or one of its causes has."""
    return next((found for one in chain(error) if (found := find(one)) is not None), None)


def chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and its causes."""
    known: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and all(one is not other for other in known):
        known.append(one)
        yield one
        one = one.__cause__ or one.__context__


def status_of(error: BaseException) -> int | None:
    """The HTTP status of an exception, as clients call it."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "http_status", "status"):
            value = getattr(holder, name, None)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return None


def code_of(error: BaseException) -> int | str | None:
    """The `code` of an exception; one that is deprecated is another name of something else, such as
    aiohttp's for the status."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            value = getattr(error, "code", None)
        except Warning:
            return None
    return value if isinstance(value, int | str) else None
