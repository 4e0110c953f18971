"""What the wires of KServe's model server share: models, errors, documents.

Everything here is kserve 0.21.0 (observed) unless it says otherwise. The profile's models are those
of the server's registry; any other name is unknown, and an unloaded model is unknown until it is
loaded again. The routes are uvicorn's and FastAPI's, so a body that FastAPI refuses is refused
before anything else is asked, and the model's readiness after its existence.
"""

from __future__ import annotations

from typing import Any, ClassVar

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import PREFIX, Call
from mockllm.scripts.tokens import count_tokens
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.heads import make_head
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import compact
from mockllm.wires.wire import Refused, Setting, Wire

VERSION = "0.21.0"
UNLOADED = "kserve.unloaded"
"""The kind of document that stands in the store for a model that was unloaded."""


class KServe(Wire):
    """A wire of KServe's model server."""

    dialect: ClassVar = "kserve"

    def shape(self, call: Call, setting: Setting) -> str:
        """`{"error": text}`, whatever the dialect of the server's other APIs."""
        return "kserve"

    def check_ready(self, call: Call, setting: Setting) -> None:
        """Nothing: each wire asks for readiness where KServe does, after the model's existence."""


def loaded(setting: Setting) -> tuple[str, ...]:
    """The models of the registry."""
    return tuple(name for name in setting.models if setting.store.get(UNLOADED, name) is None)


def model_of(call: Call) -> str:
    """The model that the path names, without what chose a profile."""
    return call.model or call.params["model"]


def is_known(call: Call, setting: Setting) -> bool:
    """Whether the registry has the model; a name that chose the profile is not looked up."""
    return model_of(call).startswith(PREFIX) or model_of(call) in loaded(setting)


def require_known(call: Call, setting: Setting) -> None:
    """Refuse a model that the registry does not have."""
    if not is_known(call, setting):
        raise refused(404, f"Model with name {model_of(call)} does not exist.")


def require_ready(call: Call, setting: Setting) -> None:
    """Refuse a model that the registry does not have, or that is not ready."""
    require_known(call, setting)
    if not setting.ready:
        raise not_ready(call)


def require_no_version(call: Call) -> None:
    """Refuse a path with a version."""
    if "version" in call.params:
        raise refused(501, "Model versioning not supported yet.")


def not_ready(call: Call) -> Refused:
    """The refusal of a model that is not loaded yet, or cannot be loaded."""
    return refused(503, f"Model with name {model_of(call)} is not ready.")


def refused(status: int, message: str) -> Refused:
    """A refusal with this text."""
    return Refused(ErrorSpec(status=status, message=message))


def crashed(error: Exception) -> Refused:
    """What KServe says of an exception that nothing of it foresaw."""
    return refused(500, f"{type(error).__name__} : {error}")


def whole(document: Any, identity: Identity, *, tokens: int = 0) -> tuple[Message, ...]:
    """A JSON answer."""
    head = make_head("uvicorn", 200, "application/json", identity)
    return (head, Frame(("body",), compact(document), tokens=tokens), End())


def texts(value: Any) -> list[str]:
    """Every text in a JSON value, in order; the keys of objects are none."""
    match value:
        case str():
            return [value]
        case list():
            return [text for part in value for text in texts(part)]
        case dict():
            return [text for part in value.values() for text in texts(part)]
        case _:
            return []


def tokens_of(value: Any) -> int:
    """About the tokens of every text in a JSON value."""
    return count_tokens(*texts(value))
