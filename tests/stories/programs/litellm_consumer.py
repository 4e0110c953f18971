"""Questions to an LLM through LiteLLM, with a callback that reports them to Langfuse.

    python litellm_consumer.py URL CALLBACK HOW...

One question after the other, each read in one way: `break` leaves the loop at the first chunk
without content, `close` does, too, and closes the stream then, `drain` reads to the end. The user's
message is `way: break`, say. What each read is printed as one line of JSON; the program then goes on, so that
reports can be sent, until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

_, URL, CALLBACK, *WAYS = sys.argv
os.environ |= {
    "LANGFUSE_HOST": URL,
    "LANGFUSE_OTEL_HOST": URL,
    "LANGFUSE_PUBLIC_KEY": "pk-lf-mockllm",
    "LANGFUSE_SECRET_KEY": "sk-lf-mockllm",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}

import litellm  # noqa: E402  it reads the environment

litellm.suppress_debug_info = True
if CALLBACK == "langfuse":
    litellm.success_callback = [CALLBACK]
else:
    litellm.callbacks = [CALLBACK]


async def ask(way: str) -> dict[str, object]:
    """One question; what was read of the answer, and when."""
    begin = time.monotonic()
    stream = await litellm.acompletion(
        model="openai/gpt-4o-mini",
        messages=[{"role": "user", "content": f"way: {way}"}],
        stream=True,
        api_base=f"{URL}/v1",
        api_key="mockllm-not-a-key",
    )
    text = ""
    async for chunk in stream:
        content = chunk.choices[0].delta.content
        if not content and text and way != "drain":
            break
        text += content or ""
    if way == "close" and hasattr(stream, "aclose"):
        await stream.aclose()
    return {"way": way, "text": text, "begin": begin, "end": time.monotonic()}


async def main() -> None:
    """Ask, tell, and stay until nobody needs us."""
    print(json.dumps([await ask(way) for way in WAYS]), flush=True)
    await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
