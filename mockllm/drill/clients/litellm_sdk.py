"""LiteLLM as a library, sync, against an OpenAI-compatible server."""

import importlib.metadata
import os

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it asks the net for prices

import litellm

WIRES = ["openai.chat"]
litellm.suppress_debug_info = True


def version():
    """Which LiteLLM this is."""
    return "litellm " + importlib.metadata.version("litellm")


def kind(error):
    """LiteLLM's exceptions are subclasses of OpenAI's, in modules of its own."""
    if isinstance(error, litellm.exceptions.Timeout):
        return "timeout"
    return "typed" if type(error).__module__.startswith("litellm") else "other"


def open_client(order):
    """LiteLLM keeps its clients itself."""
    return order


def call(client, order, note):
    """Ask once, as LiteLLM's documentation does."""
    more = {"tools": order["tools"]} if order.get("tools") else {}
    if order["stream"] and order.get("usage"):
        more["stream_options"] = {"include_usage": True}
    found = litellm.completion(
        model="openai/" + order["model"],
        api_base=client["base_url"],
        api_key=client["api_key"],
        messages=order["messages"],
        stream=order["stream"],
        timeout=client["timeout"],
        max_retries=client["retries"],
        **more,
    )
    if not order["stream"]:
        choice = found.choices[0]
        calls = [[o.function.name, o.function.arguments] for o in choice.message.tool_calls or ()]
        return {
            "text": choice.message.content or "",
            "finish": choice.finish_reason,
            "usage": found.usage.completion_tokens,
            "model": found.model,
            "tool_calls": calls,
        }
    text, finish, usage, model, calls = "", None, None, None, {}
    for chunk in found:
        told = getattr(chunk, "usage", None)
        usage, model = (told.completion_tokens if told else usage), chunk.model or model
        for choice in chunk.choices:
            note("chunk", choice.delta.content or "")
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
            for part in choice.delta.tool_calls or ():
                one = calls.setdefault(part.index, ["", ""])
                one[0] += part.function.name or ""
                one[1] += part.function.arguments or ""
    return {
        "text": text,
        "finish": finish,
        "usage": usage,
        "model": model,
        "tool_calls": [calls[i] for i in sorted(calls)],
    }
