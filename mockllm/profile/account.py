"""The account behind the API: which keys it knows, how much each may use, which models it has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictInt

from mockllm.faults.values import Duration, Strict, Text, one_or_many
from mockllm.matchers.call import PREFIX
from mockllm.matchers.condition import Glob

Globs = Annotated[
    tuple[Text, ...],
    BeforeValidator(one_or_many, json_schema_input_type=Text | tuple[Text, ...]),
]
"""Texts in which `*` stands for any text; one alone needs no list."""
Limit = Annotated[StrictInt, Field(ge=0)]


class Keys(Strict):
    """The API keys that are good. A key that chooses a profile (`mock-…`) always is, unless it is
    revoked."""

    accept: Globs = Field(("*",), description="Good keys; `*` stands for any text.")
    revoked: dict[Text, Duration] = Field(
        {}, description="Keys that are good no longer, from this time of the server's clock on."
    )

    def problem(self, key: str | None, elapsed: float) -> Literal["missing", "wrong"] | None:
        """What is wrong with a key, so many seconds after the start or a reset; None for nothing."""
        if not key:
            return "missing"
        revoked = any(
            elapsed >= since and Glob(name).holds(key) for name, since in self.revoked.items()
        )
        if revoked:
            return "wrong"
        good = key.startswith(PREFIX) or any(Glob(name).holds(key) for name in self.accept)
        return None if good else "wrong"


class Account(Strict):
    """How a real account refuses calls, each API key for itself, before any route sees them.

    The limits a minute are buckets that are full at first and fill up all the time: `rpm: 3` lets
    three calls through at once, and then one every twenty seconds. The headers of every answer tell
    what is left. A call takes one request and its tokens: about those of its prompt, and the
    `max_tokens` that it allows. A call that is refused takes nothing.
    """

    rpm: Limit | None = Field(None, description="Requests a minute.")
    tpm: Limit | None = Field(None, description="Tokens a minute.")
    concurrent: Limit | None = Field(None, description="Requests that are answered at a time.")
    quota: Limit | None = Field(
        None,
        description="Tokens that are paid for, of prompts and of what was sent; when they are used "
        "up, every call is refused, and no retry helps.",
    )
    keys: Keys | None = Field(
        None, description="Which API keys are good: {accept, revoked}; without it all, and none."
    )
    context: Annotated[StrictInt, Field(ge=1)] | None = Field(
        None, description="Tokens that a prompt and its answer may have together."
    )
    retired: Globs = Field((), description="Models that are no longer there.")

    def is_retired(self, model: str | None) -> bool:
        """Whether a model is no longer there."""
        return model is not None and any(Glob(name).holds(model) for name in self.retired)
