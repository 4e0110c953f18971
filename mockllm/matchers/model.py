"""Match on the model that was asked for."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.text import Globs


class Model(Globs):
    """The model, such as gpt-4o*."""

    key = "model"
    of_request = True

    def text(self, call: Call) -> str | None:
        """The model, without the part that chose a profile."""
        return call.model
