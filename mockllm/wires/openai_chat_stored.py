"""`openai.chat.stored`: chat completions that were stored, and what may be done with them.

Paths, parameters and answers follow OpenAI's reference (documented). The sentence of the 404 has the
form of the one that the Responses API uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.chat_stored import KIND
from mockllm.wires.json_bytes import compact
from mockllm.wires.openai_chat import STORING
from mockllm.wires.openai_check import (
    check_json,
    check_number,
    missing,
    not_found,
    unsupported_value,
    wrong_type,
)
from mockllm.wires.wire import Drop, Effect, Put, Setting, Understood, Wire

ALL = "/v1/chat/completions"
ONE = "/v1/chat/completions/{id}"
LIMIT, MOST = 20, 100
"""How many items a page has, if the client does not say, and at most."""
ORDERS = ("asc", "desc")
METADATA = re.compile(r"metadata\[(.+)\]")


class OpenAIChatStored(Wire):
    """List, read, change and delete stored completions, and list their messages."""

    name: ClassVar = "openai.chat.stored"
    source: ClassVar = "OpenAI's reference (documented)."
    endpoints: ClassVar = (
        ("GET", ALL),
        ("GET", ONE),
        ("POST", ONE),
        ("DELETE", ONE),
        ("GET", ONE + "/messages"),
    )

    def claims(self, call: Call, dialect: str | None) -> bool:
        """Other servers of OpenAI's API store nothing."""
        return dialect is None or dialect in STORING

    def understand(self, call: Call) -> Understood:
        """Nothing: no model answers."""
        return Understood()

    def check_ready(self, call: Call, setting: Setting) -> None:
        """What is stored is there before any model is."""

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what was never stored, and parameters that mean nothing."""
        if "id" in call.params:
            found(call, setting)
        if call.method == "POST":
            check_json(call)
            if "metadata" not in call.data:
                raise missing("metadata")
            if not isinstance(call.data["metadata"], dict | None):
                raise wrong_type("metadata", "an object", call.data["metadata"])
        page_of(call)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The document, or a page of documents; the script has no say."""
        head = setting.dialect.head(setting.identity)
        return (head, Frame(("body",), compact(self.document(call, setting))), End())

    def document(self, call: Call, setting: Setting) -> dict[str, Any]:
        """What is answered."""
        if "id" not in call.params:
            kept = [one["completion"] for one in setting.store.all(KIND)]
            return page_of(call).of(wanted(call, kept))
        one = found(call, setting)
        if call.path.endswith("/messages"):
            return page_of(call).of(one["messages"])
        if call.method == "DELETE":
            id = one["completion"]["id"]
            return {"object": "chat.completion.deleted", "id": id, "deleted": True}
        return changed(call, one)["completion"]  # type: ignore[no-any-return]

    def effects(self, call: Call, script: Script, setting: Setting) -> tuple[Effect, ...]:
        """A POST changes the metadata, a DELETE removes the completion."""
        if call.method == "POST":
            return (Put(KIND, call.params["id"], changed(call, found(call, setting))),)
        if call.method == "DELETE":
            return (Drop(KIND, call.params["id"]),)
        return ()


def found(call: Call, setting: Setting) -> dict[str, Any]:
    """What is stored under the id in the path; raises `Refused` where nothing is."""
    id = call.params["id"]
    kept = setting.store.get(KIND, id)
    if kept is None:
        raise not_found(f"Chat completion with id '{id}' not found.")
    return kept  # type: ignore[no-any-return]


def changed(call: Call, kept: dict[str, Any]) -> dict[str, Any]:
    """A stored completion with the metadata that a POST brings; the same for any other call."""
    if call.method != "POST":
        return kept
    metadata = call.data.get("metadata") or {}
    return {**kept, "completion": {**kept["completion"], "metadata": metadata}}


def query(call: Call) -> dict[str, str]:
    """The parameters in the query; of two with one name the last."""
    return dict(parse_qsl(call.query, keep_blank_values=True))


def wanted(call: Call, kept: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The completions that the filters of a list let through: by model and by metadata."""
    said = query(call)
    pairs = {match[1]: value for name, value in said.items() if (match := METADATA.fullmatch(name))}
    return [
        one
        for one in kept
        if said.get("model", one["model"]) == one["model"]
        and all(one["metadata"].get(name) == value for name, value in pairs.items())
    ]


class Page:
    """Which part of a list a client wants."""

    def __init__(self, limit: int, after: str | None, descending: bool) -> None:
        self.limit = limit
        self.after = after
        self.descending = descending

    def of(self, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The page of a list that is given oldest first; behind an unknown id there is nothing."""
        ordered = list(reversed(items)) if self.descending else list(items)
        ids = [item["id"] for item in ordered]
        start = 0
        if self.after is not None:
            start = ids.index(self.after) + 1 if self.after in ids else len(ids)
        part = ordered[start : start + self.limit]
        return {
            "object": "list",
            "data": part,
            "first_id": part[0]["id"] if part else None,
            "last_id": part[-1]["id"] if part else None,
            "has_more": start + self.limit < len(ordered),
        }


def page_of(call: Call) -> Page:
    """The page that the query asks for; raises `Refused` for one that cannot be."""
    said = query(call)
    limit = LIMIT
    if "limit" in said:
        text = said["limit"]
        value: Any = int(text) if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else text
        check_number("limit", value, MOST)
        limit = value
    order = said.get("order", "asc")
    if order not in ORDERS:
        raise unsupported_value("order", order, ORDERS)
    return Page(limit, said.get("after"), order == "desc")
