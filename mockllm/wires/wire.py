"""What all wires share: how a provider's API reads a call and says a script."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call, Conversation
from mockllm.scripts.script import Script
from mockllm.timeline.events import Frame, Message
from mockllm.timeline.valueclass import valueclass
from mockllm.wires.dialects import DIALECTS, Dialect
from mockllm.wires.identity import Identity


class Refused(Exception):
    """The request is wrong, as the wire's own server would say; `spec` is its answer.

    `answer` is the whole answer where no shape has its form: a list of problems, say. `why` is what
    the journal says; without it the message of the answer.
    """

    def __init__(
        self,
        spec: ErrorSpec,
        answer: tuple[Message, ...] | None = None,
        *,
        why: str | None = None,
    ) -> None:
        super().__init__(spec.message)
        self.spec = spec
        self.answer = answer
        self.why = spec.message or "" if why is None else why

    @property
    def alone(self) -> Refused:
        """The same without how it came about: frames that hold it, also those of what came before."""
        self.__context__ = None
        return self.with_traceback(None)


@valueclass(frozen=True, slots=True)
class Understood:
    """What a wire has read from a request."""

    model: str | None = None
    stream: bool = False
    conversation: Conversation = field(default_factory=Conversation)


class Store(Protocol):
    """What earlier calls have left behind: documents by kind and id."""

    def get(self, kind: str, id: str, /) -> Any:
        """The document; None where there is none."""

    def all(self, kind: str, /) -> tuple[Any, ...]:
        """The documents of a kind, oldest first."""


class Nothing:
    """A store that holds nothing."""

    def get(self, kind: str, id: str, /) -> Any:
        """None."""
        return None

    def all(self, kind: str, /) -> tuple[Any, ...]:
        """None at all."""
        return ()


NOTHING = Nothing()


@dataclass(frozen=True, slots=True)
class Put:
    """A call leaves a document behind, or replaces one."""

    kind: str
    id: str
    document: Any


@dataclass(frozen=True, slots=True)
class Drop:
    """A call removes a document."""

    kind: str
    id: str


Effect = Put | Drop


@valueclass(frozen=True, slots=True)
class Busy:
    """What keeps a server busy at a moment."""

    running: int = 0
    """Requests that are being answered."""
    waiting: int = 0
    """Requests that wait for others to end."""
    tokens: int = 0
    """Tokens of the requests that are running: of their prompts and their whole answers."""


IDLE = Busy()
"""A server that does nothing."""


@valueclass(frozen=True, slots=True)
class Setting:
    """What an answer depends on beside the call and the script."""

    identity: Identity
    models: tuple[str, ...]
    dialect: Dialect = DIALECTS["openai"]
    """Whose way of speaking the API is imitated."""
    store: Store = NOTHING
    """What earlier calls have left behind."""
    ready: bool = True
    """Whether the models are loaded (`loading` in a profile)."""
    sent: int = 0
    """How many frames of the answer stand before the frame that is made for a fault; 0 where only
    time or the count of bytes decides that."""
    context: int | None = None
    """Tokens that a prompt and its answer may have together (`account.context` in a profile)."""
    busy: Busy = IDLE
    """What keeps the server busy beside this call, for wires that tell of it (`tells_busy`)."""


HOLE = re.compile(r"\{(?P<name>\w+)(?P<path>:path)?\}")
"""What stands for segments in the path of an endpoint, written as FastAPI does."""


class Wire(ABC):
    """One provider API on its paths."""

    name: ClassVar[str]
    source: ClassVar[str]
    """Where its form is from: server, version, observed or documented."""
    endpoints: ClassVar[tuple[tuple[str, str], ...]]
    """Method and path; `{name}` stands for a segment, `{name:path}` for one or more. Of two that fit
    a path the one with more literal text is taken."""
    dialect: ClassVar[str] = "openai"
    """Whose way of speaking it has where neither the profile nor the path says."""
    tells_busy: ClassVar[bool] = False
    """Whether its answers tell what the server is busy with."""

    def claims(self, call: Call, dialect: str | None) -> bool:
        """Whether a call on one of its paths is its own, where several APIs have the path.

        `dialect` is the profile's, None where it names none; the head of the request decides too.
        """
        return True

    def dialect_of(self, call: Call) -> str:
        """Whose way of speaking the path belongs to."""
        return self.dialect

    def understand(self, call: Call) -> Understood:
        """What matchers and the selection of a profile want to know; never refuses.

        Of the call, method, path, headers, `params` (what the path names), body and JSON are known.
        """
        model = call.data.get("model")
        return Understood(
            model if isinstance(model, str) else None, call.data.get("stream") is True
        )

    def gist(self, call: Call, setting: Setting) -> Hashable | None:
        """What of a request that is in order its answer depends on, beside model, stream, path and
        dialect, whatever the script hears; None for all of it.

        Requests of one gist get the same answer, under names of their own.
        """
        return None

    def shape(self, call: Call, setting: Setting) -> str:
        """The shape of its errors."""
        return setting.dialect.shape

    def check(self, call: Call, setting: Setting) -> None:  # noqa: B027  most accept any request
        """Validate the request as the server does; raises `Refused`."""

    def check_ready(self, call: Call, setting: Setting) -> None:
        """Refuse what waits for models that are not loaded yet; raises `Refused`.

        Only called while they are not. Endpoints that tell of readiness answer instead.
        """
        raise Refused(ErrorSpec(status=503))

    @abstractmethod
    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The healthy answer: head, frames, end; raises `Refused` for what does not exist."""

    def effects(self, call: Call, script: Script, setting: Setting) -> tuple[Effect, ...]:
        """What a call that is answered leaves behind for later ones."""
        return ()

    def prompt_tokens(self, call: Call) -> int:
        """The tokens of the request."""
        return 0

    def token_limit(self, call: Call) -> int | None:
        """How many tokens the client allows."""
        return None

    def error_frame(self, call: Call, document: bytes, setting: Setting) -> Frame:
        """An error document as a frame of this wire's stream."""
        return Frame(("error",), document)

    def done(self, call: Call, setting: Setting) -> tuple[Frame, ...]:
        """The frame that ends the wire's streams; none where the wire has none."""
        return ()

    def failed(self, call: Call, document: bytes, setting: Setting) -> tuple[Frame, ...]:
        """What ends a stream behind the frame of an error: the usual end, if the wire has one."""
        return self.done(call, setting)

    def delta(self, call: Call, delta: dict[str, Any], setting: Setting) -> Frame:
        """A frame of this wire's stream with such a delta; the delta alone where it has none."""
        return Frame(("extra",), json.dumps({"delta": delta}).encode())


def pattern(path: str) -> re.Pattern[str]:
    """The regular expression of an endpoint's path, with a group for each name in braces."""

    def group(part: str) -> str:
        """The expression of one part."""
        found = HOLE.fullmatch(part)
        if found is None:
            return re.escape(part)
        return f"(?P<{found['name']}>{'.+' if found['path'] else '[^/]+'})"

    return re.compile("".join(group(part) for part in re.split(r"(\{[^}]+\})", path)))
