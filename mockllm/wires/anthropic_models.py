"""`anthropic.models`: the list of models and one of them, in Anthropic's form.

The paths are OpenAI's too; a request is Anthropic's if the profile imitates Anthropic, or nobody,
and the request carries `anthropic-version`, which Anthropic's clients always send. Form and paging are documented
(Anthropic's reference of the Models API, anthropic-sdk-python 2.12).
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.anthropic_request import invalid
from mockllm.wires.heads import make_head
from mockllm.wires.json_bytes import compact
from mockllm.wires.wire import Refused, Setting, Wire

CREATED = "2025-02-19T00:00:00Z"
LIMIT, MOST = 20, 1000
"""How many models a page has unless the client says, and at most."""


class AnthropicModels(Wire):
    """GET /v1/models and /v1/models/{model}, for Anthropic's clients."""

    name: ClassVar = "anthropic.models"
    source: ClassVar = (
        "Anthropic's reference of the Models API, anthropic-sdk-python 2.12 (documented)."
    )
    endpoints: ClassVar = (("GET", "/v1/models"), ("GET", "/v1/models/{model:path}"))
    dialect: ClassVar = "anthropic"

    def claims(self, call: Call, dialect: str | None) -> bool:
        """Whether its server is imitated, or nobody's and one of its clients asks."""
        if dialect is not None:
            return dialect == self.dialect
        return call.header("anthropic-version") is not None

    def shape(self, call: Call, setting: Setting) -> str:
        """Anthropic's, whoever else's API the profile imitates."""
        return "anthropic"

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """A page of the profile's models, or the one that the path names."""
        wanted = call.params.get("model", "")
        if not wanted:
            document = page(call, setting.models)
        elif wanted in setting.models:
            document = model(wanted)
        else:
            raise Refused(
                ErrorSpec(status=404, message=f"model: {wanted}", error_type="not_found_error")
            )
        head = make_head("anthropic", 200, "application/json", setting.identity)
        return (head, Frame(("body",), compact(document)), End())


def page(call: Call, names: tuple[str, ...]) -> dict[str, Any]:
    """The models behind `after_id` or before `before_id`, at most `limit`."""
    query = {key: values[-1] for key, values in parse_qs(call.query).items()}
    limit = limit_of(query.get("limit", str(LIMIT)))
    after, before = query.get("after_id"), query.get("before_id")
    if before in names:
        rest = names[: names.index(before)]
        shown = rest[-limit:]
    else:
        rest = names[names.index(after) + 1 :] if after in names else names
        shown = rest[:limit]
    return {
        "data": [model(name) for name in shown],
        "has_more": len(rest) > len(shown),
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }


def limit_of(text: str) -> int:
    """The size of a page; raises `Refused` for what is none."""
    if not text.isdecimal():
        raise invalid(
            "limit: Input should be a valid integer, unable to parse string as an integer"
        )
    if not 1 <= int(text) <= MOST:
        bound = "greater than or equal to 1" if int(text) < 1 else f"less than or equal to {MOST}"
        raise invalid(f"limit: Input should be {bound}")
    return int(text)


def model(name: str) -> dict[str, Any]:
    """One model, as the list shows it."""
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": CREATED,
        "lifecycle": "active",
    }
