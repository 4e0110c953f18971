"""Dialects: how different servers speak one API.

A wire is an API; vLLM, KServe and Azure all serve OpenAI's, each with headers, fields and errors of
its own. A profile chooses with `dialect: vllm`; without a word the wire takes the one that the path
belongs to, else its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockllm.matchers.call import Call
from mockllm.timeline.events import Head
from mockllm.wires.chat_form import OPENAI_CHAT, ChatForm
from mockllm.wires.chat_forms import AzureChat, LitServeChat, TgiChat, VllmChat
from mockllm.wires.heads import make_head
from mockllm.wires.identity import Identity
from mockllm.wires.text_form import OPENAI_TEXT, AzureText, TextForm, VllmText

Validation = Literal["openai", "azure", "vllm", "fastapi", "tgi"]
EVENT_STREAM = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of server speaks. A wire reads what concerns it."""

    name: str
    about: str
    source: str
    """Where its forms are from: server, version, observed or documented."""
    server: str
    """Whose headers it sends (`heads.SERVERS`)."""
    shape: str
    """The shape of its errors."""
    chat: ChatForm = OPENAI_CHAT
    """How it writes chat completions."""
    text: TextForm = OPENAI_TEXT
    """How it writes text completions."""
    validation: Validation = "openai"
    """How it refuses a wrong request (`refusals`)."""
    needs_model: bool = True
    """Whether a request must name a model."""
    event_stream: str = EVENT_STREAM
    """The content type of its streams."""
    stream_headers: tuple[tuple[str, str], ...] = ()
    """What the head of a stream has beside its server's headers."""

    def head(self, identity: Identity) -> Head:
        """The head of a healthy JSON answer."""
        return make_head(self.server, 200, "application/json", identity)

    def stream_head(self, identity: Identity) -> Head:
        """The head of a healthy event stream."""
        head = make_head(self.server, 200, self.event_stream, identity, chunked=True)
        return Head(head.status, (*head.headers, *self.stream_headers), head.reason)


DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            "openai",
            "OpenAI's API.",
            "Captures and OpenAI's reference, 2024–2026 (documented).",
            "openai",
            "openai",
        ),
        Dialect(
            "anthropic",
            "Anthropic's API.",
            "Captures and Anthropic's reference, 2024–2026 (documented).",
            "anthropic",
            "anthropic",
        ),
        Dialect(
            "azure",
            "Azure OpenAI.",
            "Captures of 2025 and 2026 (documented).",
            "azure",
            "azure",
            chat=AzureChat(),
            text=AzureText(),
            validation="azure",
        ),
        Dialect(
            "kserve",
            "KServe's model server.",
            "KServe 0.21.0 (observed).",
            "uvicorn",
            "kserve-openai",
            chat=VllmChat(),
            text=VllmText(),
            validation="fastapi",
        ),
        Dialect(
            "vllm",
            "vLLM's server.",
            "vLLM 0.24.0 (observed); tool calls: captures of vLLM 0.23 (documented).",
            "vllm",
            "vllm",
            chat=VllmChat(),
            text=VllmText(),
            validation="vllm",
            needs_model=False,
        ),
        Dialect(
            "litserve",
            "LitServe's server.",
            "LitServe 0.2.19 (observed); tool calls: its source (documented).",
            "uvicorn",
            "litserve",
            chat=LitServeChat(),
            validation="fastapi",
            needs_model=False,
        ),
        Dialect(
            "tgi",
            "Hugging Face's Text Generation Inference.",
            "TGI 3.3, its source; captures of 3.0 (documented).",
            "axum",
            "tgi",
            chat=TgiChat(),
            validation="tgi",
            needs_model=False,
            event_stream="text/event-stream",
            stream_headers=(("cache-control", "no-cache"), ("x-accel-buffering", "no")),
        ),
    )
}


AZURES = ("/openai/deployments/", "/openai/responses")
"""How paths begin that only Azure has."""


def dialect_of_path(call: Call) -> str:
    """Who serves OpenAI's API on the path of a call.

    Azure and KServe's model server both have `/openai/v1/`; Azure's clients send an `api-key` or
    say an `api-version`.
    """
    if call.path.startswith(AZURES):
        return "azure"
    if not call.path.startswith("/openai/v1/"):
        return "openai"
    return "azure" if asks_azure(call) else "kserve"


def asks_azure(call: Call) -> bool:
    """Whether a call is of a client of Azure."""
    return call.header("api-key") is not None or "api-version=" in call.query
