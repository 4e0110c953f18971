"""`kserve.repository`: models are loaded and unloaded (kserve 0.21.0, observed).

An unloaded model is no longer in the registry. KServe's plain repository cannot bring it back; here
a model of the profile can be loaded again, as with the repositories of its runtimes. The index has
the form of KServe's repository extension (its source, documented), which serves it on no path;
Triton does, and its client asks for it.
"""

from __future__ import annotations

from typing import ClassVar

from mockllm.matchers.call import PREFIX, Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Message
from mockllm.wires.kserve import (
    UNLOADED,
    KServe,
    loaded,
    model_of,
    not_ready,
    require_known,
    whole,
)
from mockllm.wires.wire import Drop, Effect, Put, Setting


class KServeRepository(KServe):
    """POST /v2/repository/index and /v2/repository/models/{model}/load|unload."""

    name: ClassVar = "kserve.repository"
    source: ClassVar = "KServe 0.21.0 (observed); the index: its source (documented)."
    endpoints: ClassVar = (
        ("POST", "/v2/repository/index"),
        ("POST", "/v2/repository/models/{model}/load"),
        ("POST", "/v2/repository/models/{model}/unload"),
    )

    def check(self, call: Call, setting: Setting) -> None:
        """What is not there cannot be loaded, and is not there to be unloaded."""
        match self.verb(call):
            case "unload":
                require_known(call, setting)
            case "load" if not (self.can_load(call, setting) and setting.ready):
                raise not_ready(call)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """That it is done, or the models and their states; the body matters to the index only."""
        verb = self.verb(call)
        if verb != "index":
            return whole({"name": model_of(call), verb: True}, setting.identity)
        ready = loaded(setting) if setting.ready else ()
        names = ready if call.data.get("ready") is True else setting.models
        states = [
            {"name": name, "state": "Ready" if name in ready else "NotReady", "reason": ""}
            for name in names
        ]
        return whole(states, setting.identity)

    def effects(self, call: Call, script: Script, setting: Setting) -> tuple[Effect, ...]:
        """Later calls find the model, or do not."""
        match self.verb(call):
            case "unload":
                return (Put(UNLOADED, model_of(call), True),)
            case "load":
                return (Drop(UNLOADED, model_of(call)),)
            case _:
                return ()

    def can_load(self, call: Call, setting: Setting) -> bool:
        """Whether there is such a model, in the registry or out of it."""
        return model_of(call).startswith(PREFIX) or model_of(call) in setting.models

    def verb(self, call: Call) -> str:
        """What is to be done: index, load or unload."""
        return call.path.rpartition("/")[2]
