"""Match on what the user said last."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.condition import Condition, parse_condition, phrase_of
from mockllm.matchers.text import Globs


class Message(Globs):
    """The user's last text: a part of it, or a regular expression between slashes."""

    key = "message"
    of_request = True

    @classmethod
    def clean(cls, value: object) -> Condition:
        """One part or several, or a condition on them."""
        return parse_condition(value, phrase_of, "a text, a list of texts, or /a regex/")

    def text(self, call: Call) -> str | None:
        """The text of the last message of the user."""
        return call.conversation.message
