"""One incoming request, as matchers and wires see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any

from mockllm.timeline.valueclass import valueclass

HEADERS, FINGERPRINT = "headers", "fingerprint"
"""Under which a request remembers its headers by name, and what identifies it."""
PREFIX = "mock-"
"""What a model or an API key begins with that chooses a profile."""


class Named(dict[str, str]):
    """The first of the headers of each name, in lower case."""

    @cached_property
    def key(self) -> str | None:
        """The API key: `Authorization: Bearer`, `x-api-key` or `api-key`."""
        scheme, _, token = self.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return token.strip()
        return self.get("x-api-key") or self.get("api-key")

    @cached_property
    def chosen(self) -> tuple[str | None, str]:
        """The profile that the key names, and the session; see `split_name`."""
        return split_name(self.key)


def split_name(text: str | None) -> tuple[str | None, str]:
    """`mock-NAME.REST` as name and rest; no name where the text does not begin so."""
    if text is None or not text.startswith(PREFIX):
        return None, ""
    name, _, rest = text.removeprefix(PREFIX).partition(".")
    return name, rest


@lru_cache(maxsize=256)  # the requests of a client have the same ones again and again
def by_name(headers: tuple[tuple[str, str], ...]) -> Named:
    """The first of the headers of each name, in lower case."""
    return Named((key.lower(), value) for key, value in reversed(headers))


@valueclass(frozen=True, slots=True)
class Conversation:
    """What the client has said and wants to hear, whatever its API calls it."""

    message: str | None = None
    """The last text of the user."""
    turn: int = 1
    """The turn of the conversation that the answer is, from 1."""
    tools: Mapping[str, Any] = field(default_factory=dict)
    """The tools that may be called, with the JSON Schema of their arguments, in order."""
    tool: str | None = None
    """The tool that must be called."""
    schema: Any = None
    """The JSON Schema that the answer must follow; None where any answer will do."""


class Later(Conversation):
    """A conversation that is read when somebody wants to know it: most matchers and scripts do not."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[], Conversation]) -> None:
        self._read: Callable[[], Conversation] | None = read

    def __getattr__(self, name: str) -> Any:
        """What has not been read yet."""
        if name not in PARTS or self._read is None:
            raise AttributeError(name)
        read, self._read = self._read(), None
        for part in PARTS:
            setattr(self, part, getattr(read, part))
        return getattr(self, name)

    def __eq__(self, other: object) -> bool:
        """Whether the same was said."""
        if not isinstance(other, Conversation):
            return NotImplemented
        return all(getattr(self, part) == getattr(other, part) for part in PARTS)

    __hash__ = Conversation.__hash__


PARTS = tuple(Conversation.__dataclass_fields__)


@valueclass(frozen=True, slots=True)
class Call:
    """A request that has been read, with what its wire understood of it."""

    method: str
    path: str
    """Without the prefix that chose a profile, and without the query."""
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    wire: str | None = None
    """The wire that serves the path; None where none does."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The JSON body; empty where there is none, or where it is no mapping."""
    params: Mapping[str, str] = field(default_factory=dict)
    """What the path names, as the endpoint's template calls it (`/v1/models/{model}`)."""
    model: str | None = None
    """The model that was asked for, without the part that chose a profile."""
    stream: bool = False
    session: str = ""
    problem: str | None = None
    """Why the body is no JSON object; None where it is one, or is empty."""
    keep_alive: bool = True
    """Whether the client wants the connection to stay open."""
    http10: bool = False
    """Whether it speaks HTTP/1.0, which knows no chunks."""
    attempt: int = 1
    """Which attempt of its logical call it is; the engine counts them."""
    repeat: int = 1
    """The how manieth of its path and body it is at its route, for scripts that ask."""
    visit: int = 1
    """The how manieth of its session it is at its route, for scripts that ask."""
    ordinal: int = 1
    """The how manieth of its model it is at its route, for scripts that ask."""
    conversation: Conversation = field(default_factory=Conversation)
    memo: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """What has been worked out of the request, for as long as it is remembered: never a part of it."""

    def header(self, name: str) -> str | None:
        """The first header of this name, whatever its case."""
        return self.named.get(name.lower())

    @property
    def named(self) -> Named:
        """The headers by name."""
        known: tuple[object, Named] | None = self.memo.get(HEADERS)
        if known is None or known[0] is not self.headers:
            known = self.memo[HEADERS] = (self.headers, by_name(self.headers))
        return known[1]

    def header_values(self, name: str) -> tuple[str, ...]:
        """Every header of this name, whatever its case."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)

    @property
    def key(self) -> str | None:
        """The API key: `Authorization: Bearer`, `x-api-key` or `api-key`."""
        return self.named.key

    @property
    def fingerprint(self) -> str:
        """What identifies the request: its path and raw body, equal for a retry."""
        method, path, body = self.method, self.path, self.body
        known: tuple[str, str, bytes, str] | None = self.memo.get(FINGERPRINT)
        if known is None or known[2] is not body or known[1] != path or known[0] != method:
            known = (method, path, body, fingerprint_of(method, path, body))
            self.memo[FINGERPRINT] = known
        return known[3]


def fingerprint_of(method: str, path: str, body: bytes) -> str:
    """What identifies a request."""
    digest = blake2b(measured(method, path), digest_size=16)
    digest.update(len(body).to_bytes(8, "big"))
    digest.update(body)
    return digest.hexdigest()


@lru_cache(maxsize=256)  # a client asks for the same ones again and again
def measured(*texts: str) -> bytes:
    """The bytes that texts of the request came from, each behind its length."""
    parts = [text.encode("utf-8", "surrogateescape") for text in texts]
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)
