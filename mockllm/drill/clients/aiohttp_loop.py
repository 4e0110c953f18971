"""A plain loop over aiohttp's lines, as many asyncio services have it: no retries, one time limit.

The time limit is aiohttp's `total`, its default kind. The text of every `data:` line is joined, and
what ends without an exception is taken for whole.
"""

import asyncio
import json

import aiohttp

WIRES = ["openai.chat"]


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, status, text):
        super().__init__("HTTP %d: %s" % (status, text[:500]))
        self.status = status


def version():
    """Which library this is."""
    return "aiohttp " + aiohttp.__version__


def kind(error):
    """Whether an exception is of the loop's own kinds, or that of its time limit."""
    if isinstance(error, asyncio.TimeoutError):
        return "timeout"
    return "typed" if isinstance(error, (Refused, aiohttp.ClientError)) else "other"


def open_client(order):
    """Where to go; every call has a session of its own."""
    return order


def call(client, order, note):
    """Ask once."""
    return asyncio.run(ask(client, order, note))


async def ask(client, order, note):
    """Post the question and read the answer."""
    body = {"model": order["model"], "stream": order["stream"], "messages": order["messages"]}
    if order["stream"] and order.get("usage"):
        body["stream_options"] = {"include_usage": True}
    if order.get("tools"):
        body["tools"] = order["tools"]
    headers = {"authorization": "Bearer " + client["api_key"]}
    limit = aiohttp.ClientTimeout(total=client["timeout"])
    async with aiohttp.ClientSession(timeout=limit, headers=headers) as session:
        url = client["base_url"] + "/chat/completions"
        async with session.post(url, json=body) as response:
            note("head", response.status)
            if response.status >= 400:
                raise Refused(response.status, await response.text())
            if not order["stream"]:
                choice = (await response.json())["choices"][0]
                return {"text": choice["message"]["content"], "finish": choice["finish_reason"]}
            return await read(response.content, note)


async def read(content, note):
    """The text of a stream."""
    text, finish, usage, model = "", None, None, None
    async for raw in content:
        line = raw.decode("utf-8").strip()
        note("line", line)
        if not line.startswith("data:"):
            continue
        data = line[len("data:") :].strip()
        if data == "[DONE]":
            break
        document = json.loads(data)
        usage = (document.get("usage") or {}).get("completion_tokens", usage)
        model = document.get("model") or model
        for choice in document["choices"]:
            text += choice["delta"].get("content") or ""
            finish = choice.get("finish_reason") or finish
    return {"text": text, "finish": finish, "usage": usage, "model": model}
