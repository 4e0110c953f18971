"""A plain loop over a socket's lines: what many people write themselves, with nothing but Python.

No retries, no typed errors but its own, no judgement: the text of every `data:` line is joined, and
what ends properly is taken for whole. It tells all that came, so drills of gateways ask with it. The
time limit is one on silence. `http.client` decodes chunks and notices a body that ends too early.
"""

import http.client
import json
import platform
import socket
import urllib.parse

WIRES = ["openai.chat", "openai.completions", "anthropic.messages"]
PATHS = {
    "openai.chat": "/chat/completions",
    "openai.completions": "/completions",
    "anthropic.messages": "/messages",
}


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, status, text):
        super().__init__("HTTP %d: %s" % (status, text[:500]))
        self.status = status
        try:
            error = json.loads(text)["error"]
            self.code = error.get("code") if isinstance(error, dict) else None
        except (ValueError, KeyError, TypeError):
            self.code = None


class StreamError(Exception):
    """The server sent an error in its stream."""


def version():
    """Which library this is."""
    return "http.client of Python " + platform.python_version()


def kind(error):
    """Whether an exception is of the loop's own kinds, or that of its time limit."""
    if isinstance(error, (socket.timeout, TimeoutError)):
        return "timeout"
    if isinstance(error, Refused) and error.status in (408, 504):
        return "timeout"  # somebody on the way ran out of time, and says so
    own = (Refused, StreamError, http.client.HTTPException, OSError)
    return "typed" if isinstance(error, own) else "other"


def open_client(order):
    """Where to go; every call makes a connection of its own."""
    return order


def call(client, order, note):
    """Ask once."""
    url = urllib.parse.urlsplit(client["base_url"])
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = kinds[url.scheme](url.hostname, url.port, timeout=client["timeout"])
    body = {"model": order["model"], "stream": order["stream"], "messages": order["messages"]}
    if order["wire"] == "openai.completions":
        body = {"model": order["model"], "stream": order["stream"], "prompt": "Hi"}
    if order["wire"] == "anthropic.messages":
        body["max_tokens"] = 1024
    if order["stream"] and order.get("usage") and order["wire"].startswith("openai"):
        body["stream_options"] = {"include_usage": True}
    if order.get("tools"):
        body["tools"] = order["tools"]
    headers = {
        "content-type": "application/json",
        "authorization": "Bearer " + client["api_key"],
        **(client.get("headers") or {}),
    }
    try:
        path = url.path + PATHS[order["wire"]]
        connection.request("POST", path, json.dumps(body).encode(), headers)
        response = connection.getresponse()
        note("head", response.status)
        for name, value in response.getheaders():
            note("header", name + ": " + value)
        if response.status >= 400:
            text = response.read().decode("utf-8", "replace")
            note("body", text)
            raise Refused(response.status, text)
        if not order["stream"]:
            text = response.read().decode("utf-8", "replace")
            note("body", text)
            return told(order["wire"], json.loads(text))
        return streamed(order["wire"], response, note)
    finally:
        connection.close()


def told(wire, document):
    """What a whole document says."""
    if wire == "anthropic.messages":
        texts = [block.get("text", "") for block in document["content"]]
        return {"text": "".join(texts), "finish": document["stop_reason"]}
    choice = document["choices"][0]
    usage = (document.get("usage") or {}).get("completion_tokens")
    if wire == "openai.completions":
        return {"text": choice["text"], "finish": choice["finish_reason"], "usage": usage}
    calls = [
        [one["function"]["name"], one["function"]["arguments"]]
        for one in choice["message"].get("tool_calls") or ()
    ]
    return {
        "text": choice["message"].get("content") or "",
        "finish": choice["finish_reason"],
        "usage": usage,
        "tool_calls": calls,
        "model": document.get("model"),
    }


def lines(response):
    """The lines of a body as they come; `read1` notices a body that breaks off, `readline` does not."""
    rest = b""
    while True:
        part = response.read1(65536)
        rest += part
        *whole, rest = rest.split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if not part:
            if rest:
                yield rest.decode("utf-8", "replace")
            return


def streamed(wire, response, note):
    """What a stream says: the text of its lines, joined."""
    text, finish, usage, model, calls = "", None, None, None, {}
    for line in lines(response):
        note("line", line)
        if not line.startswith("data:"):
            continue
        data = line[len("data:") :].strip()
        if data == "[DONE]":
            break
        document = json.loads(data)
        if isinstance(document.get("error"), (dict, str)) and document["error"]:
            raise StreamError(json.dumps(document["error"])[:500])
        if wire == "anthropic.messages":
            delta = document.get("delta") or {}
            text += delta.get("text", "")
            finish = delta.get("stop_reason") or finish
            continue
        usage = (document.get("usage") or {}).get("completion_tokens", usage)
        model = document.get("model") or model
        for choice in document.get("choices") or ():
            finish = choice.get("finish_reason") or finish
            if wire == "openai.completions":
                text += choice.get("text") or ""
                continue
            delta = choice.get("delta") or {}
            text += delta.get("content") or ""
            for part in delta.get("tool_calls") or ():
                one = calls.setdefault(part.get("index"), ["", ""])
                function = part.get("function") or {}
                one[0] += function.get("name") or ""
                one[1] += function.get("arguments") or ""
    return {
        "text": text,
        "finish": finish,
        "usage": usage,
        "model": model,
        "tool_calls": [calls[index] for index in sorted(calls)],
    }
