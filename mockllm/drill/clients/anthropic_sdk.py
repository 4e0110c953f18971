"""The official anthropic SDK for Python, sync."""

import anthropic

WIRES = ["anthropic.messages"]


def version():
    """Which SDK this is."""
    return "anthropic " + anthropic.__version__


def kind(error):
    """Whether an exception is the SDK's own, or its kind for time limits."""
    if isinstance(error, anthropic.APITimeoutError):
        return "timeout"
    return "typed" if isinstance(error, anthropic.AnthropicError) else "other"


def open_client(order):
    """A new client; Anthropic's base URL has no `/v1`."""
    return anthropic.Anthropic(
        base_url=order["base_url"].replace("/v1", ""),
        api_key=order["api_key"],
        timeout=order["timeout"],
        max_retries=order["retries"],
        default_headers=order.get("headers") or {},
    )


def call(client, order, note):
    """Ask once, as the SDK's documentation does."""
    ask = {"model": order["model"], "max_tokens": 1024, "messages": order["messages"]}
    if not order["stream"]:
        return told(client.messages.create(**ask))
    with client.messages.stream(**ask) as stream:
        for event in stream:
            note("event", event.type)
        return told(stream.get_final_message())


def told(message):
    """What a message says."""
    texts = [block.text for block in message.content if block.type == "text"]
    return {
        "text": "".join(texts),
        "finish": message.stop_reason,
        "usage": message.usage.output_tokens,
        "model": message.model,
    }
