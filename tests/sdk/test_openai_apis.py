"""OpenAI's Python SDK on the smaller APIs and as a client of Azure, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from mockllm import MockLLM
from mockllm.scripts.canonical import CANONICAL

SAY: Any = [{"role": "user", "content": "Hello!"}]


@contextmanager
def client_of(server: MockLLM, path: str = "/v1") -> Iterator[openai.OpenAI]:
    """The SDK, which does not try again."""
    base = server.openai_url.removesuffix("/v1") + path
    with openai.OpenAI(base_url=base, api_key="none", max_retries=0, timeout=10) as client:
        yield client


def azure_of(server: MockLLM) -> openai.AzureOpenAI:
    """The SDK's client of Azure, which does not try again."""
    return openai.AzureOpenAI(
        azure_endpoint=server.openai_url.removesuffix("/v1"),
        api_key="none",
        api_version="2024-10-21",
        max_retries=0,
        timeout=10,
    )


def test_text_completions() -> None:
    """Sixteen words unasked, all of them if they are wanted; streamed, too."""
    ask: Any = {"model": "gpt-3.5-turbo-instruct", "prompt": "Say it"}
    with MockLLM() as server, client_of(server) as client:
        short = client.completions.create(**ask)
        whole = client.completions.create(**ask, max_tokens=100)
        chunks = list(client.completions.create(**ask, max_tokens=100, stream=True))
    assert len(short.choices[0].text.split()) == 16
    assert short.choices[0].finish_reason == "length"
    assert (whole.choices[0].text, whole.choices[0].finish_reason) == (CANONICAL, "stop")
    assert "".join(chunk.choices[0].text for chunk in chunks) == CANONICAL


def test_embeddings() -> None:
    """The SDK asks for base64 and reads the same numbers as those in the open."""
    with MockLLM() as server, client_of(server) as client:
        coded = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
        plain = client.embeddings.create(
            model="text-embedding-3-small", input="a", encoding_format="float"
        )
    assert [len(one.embedding) for one in coded.data] == [1536, 1536]
    assert coded.data[0].embedding == pytest.approx(plain.data[0].embedding)
    assert coded.usage.total_tokens == 2


def test_moderations() -> None:
    """Nothing is flagged."""
    with MockLLM() as server, client_of(server) as client:
        found = client.moderations.create(input=["a", "b"])
    assert [one.flagged for one in found.results] == [False, False]


@pytest.mark.parametrize("stream", [False, True])
def test_stored_completions(stream: bool) -> None:
    """A completion is stored, listed, read, changed and deleted."""
    with MockLLM() as server, client_of(server) as client:
        stored = client.chat.completions
        made: Any = stored.create(
            model="gpt-4o-mini", messages=SAY, store=True, metadata={"k": "v"}, stream=stream
        )
        id = next(iter(made)).id if stream else made.id
        stored.create(model="gpt-4o-mini", messages=SAY)
        assert [one.id for one in stored.list(metadata={"k": "v"})] == [id]
        assert stored.retrieve(id).choices[0].message.content == CANONICAL
        assert [one.content for one in stored.messages.list(id)] == ["Hello!"]
        assert stored.update(id, metadata={"k": "w"}).metadata == {"k": "w"}
        assert list(stored.list(metadata={"k": "v"})) == []
        assert stored.delete(id).deleted
        with pytest.raises(openai.NotFoundError):
            stored.retrieve(id)


def test_azure() -> None:
    """The client of Azure reads chats, whole and streamed, text completions and embeddings."""
    with MockLLM() as server, azure_of(server) as client:
        whole = client.chat.completions.create(model="gpt-4o", messages=SAY)
        chunks = list(client.chat.completions.create(model="gpt-4o", messages=SAY, stream=True))
        text = client.completions.create(model="gpt", prompt="a", max_tokens=100)
        vectors = client.embeddings.create(model="text-embedding-3-large", input="a")
    assert whole.choices[0].message.content == CANONICAL
    assert whole.model == "gpt-4o"
    assert chunks[0].choices == []
    assert "".join(one.choices[0].delta.content or "" for one in chunks[1:]) == CANONICAL
    assert text.choices[0].text == CANONICAL
    assert len(vectors.data[0].embedding) == 3072


@pytest.mark.parametrize("dialect", ["azure", "kserve", "vllm", "litserve", "tgi"])
def test_dialects(dialect: str) -> None:
    """The SDK reads the text of every dialect, whole and streamed."""
    profile = f"mockllm: 1\ndialect: {dialect}\n"
    with MockLLM(profile) as server, client_of(server) as client:
        ask: Any = {"model": "gpt-4o-mini", "messages": SAY}
        whole = client.chat.completions.create(**ask)
        chunks = list(client.chat.completions.create(**ask, stream=True))
    assert whole.choices[0].message.content == CANONICAL
    deltas = [one.choices[0].delta for one in chunks if one.choices]
    assert "".join(delta.content or "" for delta in deltas) == CANONICAL


def test_kserve_by_its_path() -> None:
    """Below /openai/v1 KServe answers, in vLLM's form."""
    with MockLLM() as server, client_of(server, "/openai/v1") as client:
        whole = client.chat.completions.create(model="gpt-4o-mini", messages=SAY)
        assert [one.object for one in client.models.list()][:1] == ["model"]
        with pytest.raises(openai.InternalServerError) as refused:
            client.models.retrieve("nope")
    assert refused.value.response.json() == {"error": "Model with name nope is not ready."}
    assert (whole.system_fingerprint or "").startswith("vllm-")


def test_an_api_that_is_not_served() -> None:
    """The error says that the API is not here."""
    with (
        MockLLM() as server,
        client_of(server) as client,
        pytest.raises(openai.NotFoundError, match="mockllm does not serve the API /v1/files"),
    ):
        client.files.list()
