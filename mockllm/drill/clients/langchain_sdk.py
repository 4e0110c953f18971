"""LangChain's ChatOpenAI, sync."""

import importlib.metadata
import json

import openai
from langchain_openai import ChatOpenAI

WIRES = ["openai.chat"]


def version():
    """Which LangChain this is."""
    return "langchain-openai " + importlib.metadata.version("langchain-openai")


def kind(error):
    """LangChain raises OpenAI's exceptions, and some of its own."""
    if isinstance(error, openai.APITimeoutError):
        return "timeout"
    own = type(error).__module__.partition(".")[0] in (
        "openai",
        "langchain_core",
        "langchain_openai",
    )
    return "typed" if own else "other"


def open_client(order):
    """LangChain's settings; the model is each call's."""
    return order


def call(client, order, note):
    """Ask once, as LangChain's documentation does."""
    model = ChatOpenAI(
        model=order["model"],
        base_url=client["base_url"],
        api_key=client["api_key"],
        timeout=client["timeout"],
        max_retries=client["retries"],
        stream_usage=bool(order.get("usage")),
    )
    if order.get("tools"):
        model = model.bind_tools(order["tools"])
    pairs = [(message["role"], message["content"]) for message in order["messages"]]
    if not order["stream"]:
        answer = model.invoke(pairs)
    else:
        answer = None
        for chunk in model.stream(pairs):
            note("chunk", chunk.content)
            answer = chunk if answer is None else answer + chunk
    if answer is None:
        return {"text": ""}
    usage = answer.usage_metadata or {}
    return {
        "text": answer.content if isinstance(answer.content, str) else "",
        "finish": answer.response_metadata.get("finish_reason"),
        "usage": usage.get("output_tokens"),
        "model": answer.response_metadata.get("model_name"),
        "tool_calls": tools_of(answer),
    }


def tools_of(answer):
    """The tool calls: as they came in a stream, or as LangChain has read them; broken ones too."""
    parts = getattr(answer, "tool_call_chunks", None)
    if parts is not None:
        return [[part["name"] or "", part["args"] or ""] for part in parts]
    calls = [[call["name"], json.dumps(call["args"])] for call in answer.tool_calls]
    return calls + [[call["name"], call["args"]] for call in answer.invalid_tool_calls]
