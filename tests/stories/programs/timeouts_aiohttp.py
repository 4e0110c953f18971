"""openai 0.27.6 and aiohttp: which limit ends which wait; run by the part's Python.

    python timeouts_aiohttp.py < situations.json > outcomes.json

The input has `limit` and `guard` in seconds, and `urls` of the situations. All cells of the table
run at once. An outcome is what came, and after how many seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable
from typing import Any

import aiohttp
import openai

GIVEN = json.load(sys.stdin)
LIMIT: float = GIVEN["limit"]
GUARD: float = GIVEN["guard"]
URLS: dict[str, str] = GIVEN["urls"]
BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
DONE = b"[DONE]"
FIELDS = ("total", "connect", "sock_connect", "sock_read")
sdk: Any = openai
sdk.api_key = "mockllm-not-a-key"


async def timed(work: Awaitable[str]) -> list[Any]:
    """What came of it, and when; still waiting after the guard is an outcome, too."""
    begin = time.monotonic()
    try:
        said = await asyncio.wait_for(asyncio.shield(guarded(work)), GUARD)
    except TimeoutError:
        said = "waits"
    return [said, time.monotonic() - begin]


async def guarded(work: Awaitable[str]) -> str:
    """The outcome in words: the exception's name is the library's."""
    try:
        return await work
    except Exception as error:
        return f"{type(error).__name__}"


async def read(session: aiohttp.ClientSession, url: str, **timeout: Any) -> str:
    """One stream, to its end."""
    limits = aiohttp.ClientTimeout(**{"total": None, **timeout})
    async with session.post(f"{url}/chat/completions", json=BODY, timeout=limits) as answer:
        if answer.status != 200:
            return str(answer.status)
        found = await answer.read()
    return "whole" if DONE in found else "cut"


async def alone(situation: str, **timeout: Any) -> str:
    """aiohttp in one situation; in a full pool another call has the only connection."""
    if situation != "full pool":
        async with aiohttp.ClientSession() as session:
            return await read(session, URLS[situation], **timeout)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        holder = asyncio.create_task(read(session, URLS[situation]))
        await asyncio.sleep(0.1)  # it has asked for the connection by then
        try:
            return await read(session, URLS[situation], **timeout)
        finally:
            holder.cancel()


class Limited:
    """A session whose limit of one field replaces the SDK's, which has no argument for it."""

    def __init__(self, session: aiohttp.ClientSession, timeout: aiohttp.ClientTimeout) -> None:
        self.session, self.timeout = session, timeout

    async def request(self, **given: Any) -> aiohttp.ClientResponse:
        """A request with the own limit."""
        return await self.session.request(**{**given, "timeout": self.timeout})


async def old_sdk(situation: str, *, field: str = "", **arguments: Any) -> str:
    """A stream through openai 0.27.6; `field` is a limit that its session has."""
    if not field:
        return await old_stream(situation, **arguments)
    limits: dict[str, Any] = {"total": None, field: LIMIT}
    timeout = aiohttp.ClientTimeout(**limits)
    async with aiohttp.ClientSession() as session:
        sdk.aiosession.set(Limited(session, timeout))
        return await old_stream(situation, **arguments)


async def old_stream(situation: str, **arguments: Any) -> str:
    """Read a stream through openai 0.27.6."""
    stream = await sdk.ChatCompletion.acreate(api_base=URLS[situation], **BODY, **arguments)
    finish = None
    async for chunk in stream:
        finish = chunk["choices"][0].get("finish_reason")
    return "whole" if finish else "cut"


async def main() -> None:
    """Every limit in every situation."""
    cells: dict[tuple[str, str], Awaitable[str]] = {}
    for situation in URLS:
        for field in FIELDS:
            cells[f"aiohttp, {field}", situation] = alone(situation, **{field: LIMIT})
        if situation != "full pool":  # the SDK makes a session for each call
            cells["openai 0.27.6, defaults", situation] = old_sdk(situation)
            cells["openai 0.27.6, timeout", situation] = old_sdk(situation, timeout=LIMIT)
            cells["openai 0.27.6, request_timeout", situation] = old_sdk(
                situation, request_timeout=LIMIT
            )
            cells["openai 0.27.6, session with sock_read", situation] = old_sdk(
                situation, field="sock_read"
            )
    outcomes = await asyncio.gather(*map(timed, cells.values()))
    json.dump(
        [[*cell, *outcome] for cell, outcome in zip(cells, outcomes, strict=True)], sys.stdout
    )


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    sys.stdout.flush()
    import os

    os._exit(0)  # some cells wait for ever
