"""A plain aiohttp handler that answers as a quick mock does: the baseline of the comparison.

python naive.py PORT FRAMES TTFT_MS ITL_MS
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop
from aiohttp import web

FRAMES, TTFT, ITL = int(sys.argv[2]), float(sys.argv[3]) / 1e3, float(sys.argv[4]) / 1e3


def chunk(number: int) -> dict[str, object]:
    """One chunk of a chat completion."""
    return {
        "id": "chatcmpl-AAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "object": "chat.completion.chunk",
        "created": 1767225600,
        "model": "gpt-4o-mini",
        "choices": [
            {"index": 0, "delta": {"content": f" word{number}"}, "finish_reason": None},
        ],
    }


async def chat(request: web.Request) -> web.StreamResponse:
    """Answer one request."""
    body = await request.json()
    if not body.get("stream"):
        text = " ".join(f"word{number}" for number in range(FRAMES))
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({**chunk(0), "object": "chat.completion", "choices": [choice]})
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    for number in range(FRAMES):
        if TTFT or ITL:
            await asyncio.sleep(ITL if number else TTFT)
        await response.write(b"data: " + json.dumps(chunk(number)).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


app = web.Application(client_max_size=32 << 20)
app.router.add_post("/v1/chat/completions", chat)
web.run_app(
    app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, loop=uvloop.new_event_loop()
)
