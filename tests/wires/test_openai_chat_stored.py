"""Stored chat completions: what is kept, found, changed and removed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionDeleted

from mockllm.engine.endpoints import find
from mockllm.engine.store import Documents
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script, Text
from mockllm.timeline.events import Frame
from mockllm.wires.chat_stored import KIND
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.identity import Identity
from mockllm.wires.openai_chat import OpenAIChat
from mockllm.wires.openai_chat_stored import OpenAIChatStored
from mockllm.wires.wire import Drop, Put, Refused, Setting

CHAT, WIRE = OpenAIChat(), OpenAIChatStored()
PATH = "/v1/chat/completions"
WHY = Script((Text(("Why", " not")),))
PARTS = [{"type": "text", "text": "there"}]


def setting(store: Documents, key: str = "key", dialect: str = "openai") -> Setting:
    """The setting of a call."""
    return Setting(Identity(key), ("m",), DIALECTS[dialect], store)


def create(store: Documents, key: str, dialect: str = "openai", /, **data: Any) -> str:
    """Complete a chat and apply what it leaves behind; its id."""
    messages = [{"role": "user", "content": "Hi"}, {"role": "user", "content": PARTS}]
    given = {"model": "m", "messages": messages, **data}
    call = Call("POST", PATH, data=given, model=given["model"], stream=bool(data.get("stream")))
    where = setting(store, key, dialect)
    CHAT.check(call, where)
    store.apply(CHAT.effects(call, WHY, where))
    return where.dialect.chat.id(where.identity)


def ask(
    store: Documents, method: str, path: str = PATH, data: Any = None, **query: Any
) -> dict[str, Any]:
    """What a call is answered, after its effects are applied."""
    call = Call(method, path, query=urlencode(query), data=data or {})
    wire, params = find(call, None)
    assert wire is not None
    assert wire.name == WIRE.name
    call = replace(call, params=params)
    where = setting(store)
    WIRE.check(call, where)
    _, frame, _ = WIRE.answer(call, Script(()), where)
    store.apply(WIRE.effects(call, Script(()), where))
    assert isinstance(frame, Frame)
    read: dict[str, Any] = json.loads(frame.data)
    return read


@pytest.fixture
def store() -> Documents:
    """An empty store."""
    return Documents()


def three(store: Documents) -> list[str]:
    """The ids of three stored completions, the second of another model."""
    return [
        create(store, "a", store=True, metadata={"n": "1"}),
        create(store, "b", store=True, metadata={"n": "1", "k": "x"}, model="other"),
        create(store, "c", store=True),
    ]


@pytest.mark.parametrize("data", [{}, {"store": False}, {"store": None}, {"store": "true"}])
def test_nothing_is_kept_unasked(store: Documents, data: dict[str, Any]) -> None:
    """Only `store: true` keeps a completion."""
    create(store, "a", **data)
    assert store.all(KIND) == ()


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name not in ("openai", "azure")])
def test_other_servers_keep_nothing(store: Documents, dialect: str) -> None:
    """Under the dialect of another server neither completions nor their paths are there."""
    create(store, "a", dialect, store=True)
    assert store.all(KIND) == ()
    assert not WIRE.claims(Call("GET", PATH), dialect)


@pytest.mark.parametrize("stream", [False, True])
def test_retrieve(store: Documents, stream: bool) -> None:
    """What was answered comes back, whole also if it was streamed; the SDK reads it."""
    id = create(store, "a", store=True, metadata={"k": "v"}, temperature=0.5, stream=stream)
    found = ask(store, "GET", f"{PATH}/{id}")
    read = ChatCompletion.model_validate(found, strict=True)
    assert (read.id, read.model, read.metadata) == (id, "m", {"k": "v"})
    assert read.choices[0].message.content == "Why not"
    assert (found["temperature"], found["top_p"], found["input_user"]) == (0.5, 1.0, None)
    assert found["usage"]["completion_tokens"] == 2


def test_update(store: Documents) -> None:
    """A POST replaces the metadata and nothing else; null removes them."""
    id = create(store, "a", store=True, metadata={"k": "v"})
    before = ask(store, "GET", f"{PATH}/{id}")
    changed = ask(store, "POST", f"{PATH}/{id}", {"metadata": {"a": "b"}})
    assert changed == {**before, "metadata": {"a": "b"}}
    assert ask(store, "GET", f"{PATH}/{id}") == changed
    assert ask(store, "POST", f"{PATH}/{id}", {"metadata": None})["metadata"] == {}


def test_delete(store: Documents) -> None:
    """What is deleted is gone."""
    first, second, third = three(store)
    answer = ask(store, "DELETE", f"{PATH}/{second}")
    read = ChatCompletionDeleted.model_validate(answer, strict=True)
    assert (read.id, read.deleted) == (second, True)
    assert [one["id"] for one in ask(store, "GET")["data"]] == [first, third]
    with pytest.raises(Refused):
        ask(store, "GET", f"{PATH}/{second}")


def test_list(store: Documents) -> None:
    """Oldest first, with the ids of both ends."""
    ids = three(store)
    page = ask(store, "GET")
    assert list(page) == ["object", "data", "first_id", "last_id", "has_more"]
    assert [one["id"] for one in page["data"]] == ids
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[0], ids[-1], False)


def test_pages(store: Documents) -> None:
    """`limit`, `after` and `order` make pages; behind the last and an unknown id is nothing."""
    ids = three(store)
    page = ask(store, "GET", limit=2)
    assert ([one["id"] for one in page["data"]], page["has_more"]) == (ids[:2], True)
    rest = ask(store, "GET", limit=2, after=page["last_id"])
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == (ids[2:], False)
    assert [one["id"] for one in ask(store, "GET", order="desc", limit=1)["data"]] == ids[2:]
    for after in (ids[2], "nothing"):
        empty = ask(store, "GET", after=after)
        assert (empty["data"], empty["first_id"], empty["last_id"]) == ([], None, None)
        assert empty["has_more"] is False


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ({"model": "m"}, [0, 2]),
        ({"model": "unknown"}, []),
        ({"metadata[n]": "1"}, [0, 1]),
        ({"metadata[n]": "1", "metadata[k]": "x"}, [1]),
        ({"metadata[n]": "2"}, []),
        ({"metadata[n]": "1", "model": "other"}, [1]),
    ],
)
def test_filters(store: Documents, query: dict[str, str], places: list[int]) -> None:
    """Model and metadata let through what has them all."""
    ids = three(store)
    found = [one["id"] for one in ask(store, "GET", **query)["data"]]
    assert found == [ids[place] for place in places]


def test_messages(store: Documents) -> None:
    """The messages of the request, in order, in pages; parts stand apart from texts."""
    id = create(store, "a", store=True)
    page = ask(store, "GET", f"{PATH}/{id}/messages")
    assert page["data"] == [
        {"id": f"{id}-0", "role": "user", "content": "Hi", "name": None, "content_parts": None},
        {"id": f"{id}-1", "role": "user", "content": None, "name": None, "content_parts": PARTS},
    ]
    last = ask(store, "GET", f"{PATH}/{id}/messages", order="desc", limit=1)
    assert (last["last_id"], last["has_more"]) == (f"{id}-1", True)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/x"), ("POST", "/x"), ("DELETE", "/x"), ("GET", "/x/messages")]
)
def test_what_was_never_stored(store: Documents, method: str, path: str) -> None:
    """Nothing under an id is a 404 that names it."""
    with pytest.raises(Refused) as refused:
        ask(store, method, PATH + path, {"metadata": {}})
    spec = refused.value.spec
    assert (spec.status, spec.message, spec.code) == (404, "Chat completion with id 'x' not found.", None)  # fmt: skip


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"limit": "0"}, "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead."),
        ({"limit": "101"}, "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead."),
        ({"limit": "ten"}, "Invalid type for 'limit': expected an integer, but got a string instead."),
        ({"order": "up"}, "Invalid value: 'up'. Supported values are: 'asc' and 'desc'."),
    ],
)  # fmt: skip
def test_pages_that_cannot_be(store: Documents, query: dict[str, str], message: str) -> None:
    """Wrong parameters of a list are refused."""
    with pytest.raises(Refused) as refused:
        ask(store, "GET", **query)
    assert (refused.value.spec.status, refused.value.spec.message) == (400, message)


@pytest.mark.parametrize("data", [{}, {"metadata": "x"}])
def test_an_update_needs_metadata(store: Documents, data: dict[str, Any]) -> None:
    """Without metadata, or with something else in their place, nothing is changed."""
    id = create(store, "a", store=True)
    with pytest.raises(Refused) as refused:
        ask(store, "POST", f"{PATH}/{id}", data)
    assert refused.value.spec.param == "metadata"


def test_effects_are_those_of_the_method(store: Documents) -> None:
    """Reading leaves nothing behind."""
    id = create(store, "a", store=True)
    where = setting(store)
    call = Call("GET", f"{PATH}/{id}", params={"id": id})
    assert WIRE.effects(call, Script(()), where) == ()
    assert WIRE.effects(replace(call, method="DELETE"), Script(()), where) == (Drop(KIND, id),)
    (put,) = WIRE.effects(replace(call, method="POST", data={"metadata": {}}), Script(()), where)
    assert isinstance(put, Put)


def test_loading_does_not_matter(store: Documents) -> None:
    """What is stored can be read while models load."""
    WIRE.check_ready(Call("GET", PATH), replace(setting(store), ready=False))
