"""The short way to say what a server answers and what goes wrong, for editors and type checkers.

Made from the language's models by `python -m mockllm.profile.faces`; do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypedDict, Unpack

from mockllm.saying import Saying


class FaultKeys(TypedDict, total=False):
    """Where and how often a fault acts."""

    at: str
    """Where it acts, such as `after content 5`."""
    after_content: int
    """Short for `at: after content N` (`content N+1` for garble)."""
    may_not_fire: bool
    """Whether it is in order if it never acts."""
    first: int
    """Only the first N calls of the scope."""
    nth: int | Sequence[int]
    """Only these calls of the scope, counted from 1."""
    during: Sequence[str]
    """Only in this window of the server's clock: [from, until]."""
    chance: str
    """Only this share of the calls, by the seed."""
    every: int
    """Only every Nth call of the scope."""
    skip: int
    """Not the first N calls of the scope."""
    over: Mapping[str, Any]
    """Only over a limit: {limit, per}, {tokens, per} or {inflight}."""
    by: Literal["session", "request body", "connection", "key", "model", "server"]
    """Whose calls count together: session, request body, connection, key, model or server."""


class FailKeys(FaultKeys, total=False):
    """What `fail` says, where it acts, and how often."""

    shape: str
    """The form of the body; the wire's own without it."""
    message: str | float | bool
    """The message; the shape's own without it."""
    error_type: str | float | bool
    """The error's `type`."""
    code: int | str | None
    """The error's `code`; 500 and "500" differ."""
    param: str | float | bool | None
    """The error's `param`."""
    headers: Mapping[str, Any]
    """Headers that replace or join the others."""
    body: str | float | bool
    """The whole body, instead of an error."""
    content_type: str
    """The content type of `body`."""


class ErrorKeys(FaultKeys, total=False):
    """What `error` says, where it acts, and how often."""

    status: int
    """The HTTP status."""
    shape: str
    """The form of the body; the wire's own without it."""
    message: str | float | bool
    """The message; the shape's own without it."""
    error_type: str | float | bool
    """The error's `type`."""
    code: int | str | None
    """The error's `code`; 500 and "500" differ."""
    param: str | float | bool | None
    """The error's `param`."""


class MatchKeys(TypedDict, total=False):
    """For whom; all must hold."""

    attempt: int | Sequence[int] | Mapping[str, Any]
    """Which attempt of the same request it is, counted from 1."""
    body_over: str
    """Only requests whose body is larger than this, such as 100KiB."""
    header: Mapping[str, Any]
    """Headers by name, whatever their case; any of several with one name may match."""
    json: Mapping[str, Any]
    """Values of the body by path, such as messages.0.role or tools[0].function.name."""
    key: str | Sequence[str] | Mapping[str, Any]
    """The API key, from Authorization: Bearer, x-api-key or api-key."""
    message: str | Sequence[str] | Mapping[str, Any]
    """The user's last text: a part of it, or a regular expression between slashes."""
    method: str | Sequence[str] | Mapping[str, Any]
    """The HTTP method, such as POST."""
    model: str | Sequence[str] | Mapping[str, Any]
    """The model, such as gpt-4o*."""
    path: str | Sequence[str] | Mapping[str, Any]
    """The path, without the prefix that chose a profile."""
    stream: bool
    """Whether the client asked for a stream."""
    system: str | Sequence[str] | Mapping[str, Any]
    """The system's texts: a part of them, or a regular expression between slashes."""
    tool_result: bool | str | Sequence[str] | Mapping[str, Any]
    """Whether results of tools came behind the user's last words, or one that holds such a
    text."""
    tools: bool | str | Sequence[str] | Mapping[str, Any]
    """Whether the client offers tools, or one of such a name."""
    wire: str | Sequence[str] | Mapping[str, Any]
    """The wire, such as openai.chat."""


class ScriptKeys(TypedDict, total=False):
    """What may be different in an answer."""

    finish: str
    """Another finish reason than the script's own."""
    reasoning: str | float | bool
    """What is thought before the answer."""
    usage: Mapping[str, Any] | Literal["absent"]
    """Merged over the computed usage, null is a value; or absent."""
    n: int
    """The number of choices, whatever was asked for."""


class Face(Saying):
    """The named faults, and what a server says, as methods."""

    def fail(self, status: int, /, **keys: Unpack[FailKeys]) -> Self:
        """An error instead of an answer: `fail: 503`, or status, message, type, code and shape."""
        return self._fault("fail", status, keys)

    def hang(self, time: str = "forever", /, **keys: Unpack[FaultKeys]) -> Self:
        """The request is read and nothing is sent, not even the head, for a time or forever."""
        return self._fault("hang", time, keys)

    def stall(self, time: str = "forever", /, **keys: Unpack[FaultKeys]) -> Self:
        """The stream falls silent in the middle, for a time or forever; the connection stays
        open."""
        return self._fault("stall", time, keys)

    def reset(self, **keys: Unpack[FaultKeys]) -> Self:
        """The connection is reset in the middle of the stream: an RST after the bytes before
        it."""
        return self._fault("reset", None, keys)

    def cut(self, **keys: Unpack[FaultKeys]) -> Self:
        """The connection is closed in the middle of the stream: a FIN without the end of the
        body."""
        return self._fault("cut", None, keys)

    def truncate(self, **keys: Unpack[FaultKeys]) -> Self:
        """The body ends early but properly: no finish frame, no final marker, no error."""
        return self._fault("truncate", None, keys)

    def garble(self, **keys: Unpack[FaultKeys]) -> Self:
        """The JSON of one frame is broken: its last two bytes are missing."""
        return self._fault("garble", None, keys)

    def error(self, **keys: Unpack[ErrorKeys]) -> Self:
        """An error frame in the middle of the stream, in the wire's own form or a shape; then the
        final marker, if that server sends it, and the proper end of the body."""
        return self._fault("error", None, keys)
