"""The official openai SDK for Python, 1.0 and later, sync."""

import openai

WIRES = ["openai.chat", "openai.responses", "openai.completions"]


def version():
    """Which SDK this is."""
    return "openai " + openai.__version__


def kind(error):
    """Whether an exception is the SDK's own, or its kind for time limits."""
    if isinstance(error, openai.APITimeoutError):
        return "timeout"
    return "typed" if isinstance(error, openai.OpenAIError) else "other"


def open_client(order):
    """A new client."""
    return openai.OpenAI(
        base_url=order["base_url"],
        api_key=order["api_key"],
        timeout=order["timeout"],
        max_retries=order["retries"],
        default_headers=order.get("headers") or {},
    )


def call(client, order, note):
    """Ask once, as the SDK's documentation does."""
    return ASKS[order["wire"]](client, order, note)


def ask_chat(client, order, note):
    """Chat completions."""
    more = {"tools": order["tools"]} if order.get("tools") else {}
    if order["stream"] and order.get("usage"):
        more["stream_options"] = {"include_usage": True}
    found = client.chat.completions.create(
        model=order["model"], messages=order["messages"], stream=order["stream"], **more
    )
    if not order["stream"]:
        choice = found.choices[0]
        calls = choice.message.tool_calls
        return {
            "text": choice.message.content or "",
            "finish": choice.finish_reason,
            "usage": found.usage.completion_tokens if found.usage else None,
            "model": found.model,
            "tool_calls": [[one.function.name, one.function.arguments] for one in calls or ()],
        }
    text, finish, usage, model, calls = "", None, None, None, {}
    with found as stream:
        for chunk in stream:
            model = chunk.model or model
            usage = chunk.usage.completion_tokens if chunk.usage else usage
            for choice in chunk.choices:
                delta = choice.delta
                if delta is not None:
                    note("chunk", delta.content or "")
                    text += delta.content or ""
                    for part in delta.tool_calls or ():
                        one = calls.setdefault(part.index, ["", ""])
                        one[0] += (part.function and part.function.name) or ""
                        one[1] += (part.function and part.function.arguments) or ""
                finish = choice.finish_reason or finish
    return {
        "text": text,
        "finish": finish,
        "usage": usage,
        "model": model,
        "tool_calls": [calls[index] for index in sorted(calls)],
    }


def ask_responses(client, order, note):
    """Responses."""
    found = client.responses.create(
        model=order["model"], input=order["messages"], stream=order["stream"]
    )
    if order["stream"]:
        last = None
        with found as stream:
            for event in stream:
                note("event", event.type)
                last = getattr(event, "response", None) or last
        if last is None:
            return {"text": ""}
        found = last
    calls = [[one.name, one.arguments] for one in found.output if one.type == "function_call"]
    return {
        "text": found.output_text,
        "finish": found.status,
        "usage": found.usage.output_tokens if found.usage else None,
        "tool_calls": calls,
    }


def ask_completions(client, order, note):
    """The older completions."""
    found = client.completions.create(
        model=order["model"], prompt=order["messages"][-1]["content"], stream=order["stream"]
    )
    if not order["stream"]:
        return {"text": found.choices[0].text, "finish": found.choices[0].finish_reason}
    text, finish = "", None
    with found as stream:
        for chunk in stream:
            for choice in chunk.choices:
                note("chunk", choice.text)
                text += choice.text
                finish = choice.finish_reason or finish
    return {"text": text, "finish": finish}


ASKS = {
    "openai.chat": ask_chat,
    "openai.responses": ask_responses,
    "openai.completions": ask_completions,
}
