"""OpenAI's newest SDK for Python: which limit ends which wait; run by the part's Python.

    python timeouts_openai.py < situations.json > outcomes.json

Input and output are those of `timeouts_aiohttp.py`. Each cell of the table has a thread.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import openai

GIVEN = json.load(sys.stdin)
LIMIT: float = GIVEN["limit"]
GUARD: float = GIVEN["guard"]
URLS: dict[str, str] = GIVEN["urls"]
POOL = "full pool"
SOON = 0.3
"""Seconds after which the other call has asked for the connection."""
FIELDS = ("connect", "read", "pool")
OTHERS = dict.fromkeys(("connect", "read", "write", "pool"))
sdk: Any = openai  # which names its limits, and what it is built on, in its own way
http: Any = import_module("httpx2" if find_spec("httpx2") else "httpx")
LIMITS = http.Limits(max_connections=1)
TIMEOUTS = {
    **{field: sdk.Timeout(None, **{**OTHERS, field: LIMIT}) for field in FIELDS},
    "timeout=seconds": LIMIT,
}
ASK: Any = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}


def options(situation: str, timeout: Any) -> dict[str, Any]:
    """How a client is made."""
    return {
        "base_url": URLS[situation],
        "api_key": "mockllm-not-a-key",
        "timeout": timeout,
        "max_retries": 0,
    }


def sync(situation: str, timeout: Any) -> Callable[[], str]:
    """Read a stream; in a full pool another call has the only connection.

    The client is made before the time is taken: that takes longer than most waits.
    """
    pool = {"http_client": sdk.DefaultHttpxClient(limits=LIMITS)} if situation == POOL else {}
    client = sdk.OpenAI(**options(situation, timeout), **pool)

    def read() -> str:
        if pool:
            patient = client.with_options(timeout=None).chat.completions
            threading.Thread(target=patient.create, kwargs=ASK, daemon=True).start()
            time.sleep(SOON)
        return "whole" if [*client.chat.completions.create(**ASK)] else "empty"

    return read


def asynchronous(situation: str, timeout: Any) -> Callable[[], str]:
    """The same with the async client."""
    pool = {"http_client": sdk.DefaultAsyncHttpxClient(limits=LIMITS)} if situation == POOL else {}
    client = sdk.AsyncOpenAI(**options(situation, timeout), **pool)

    async def read() -> str:
        holder = None
        if pool:
            patient = client.with_options(timeout=None).chat.completions
            holder = asyncio.create_task(patient.create(**ASK))
            await asyncio.sleep(SOON)
        try:
            stream = await client.chat.completions.create(**ASK)
            return "whole" if [chunk async for chunk in stream] else "empty"
        finally:
            if holder is not None:
                holder.cancel()

    return lambda: asyncio.run(read())


def cells() -> dict[tuple[str, str], Callable[[], str]]:
    """Every limit in every situation, sync and async."""
    return {
        (f"{name}, {limit}", situation): make(situation, timeout)
        for name, make in {"openai sync": sync, "openai async": asynchronous}.items()
        for limit, timeout in TIMEOUTS.items()
        for situation in URLS
    }


def main() -> None:
    """All at once; what still waits after the guard, waits."""
    table, outcomes = cells(), {}

    def timed(cell: tuple[str, str]) -> None:
        begin = time.monotonic()
        try:
            said = table[cell]()
        except openai.APIStatusError as error:
            said = str(error.status_code)
        except Exception as error:
            said = type(error).__name__
        outcomes[cell] = [said, time.monotonic() - begin]

    threads = [threading.Thread(target=timed, args=(cell,), daemon=True) for cell in table]
    for thread in threads:
        thread.start()
    give_up = time.monotonic() + GUARD
    for thread in threads:
        thread.join(max(0.0, give_up - time.monotonic()))
    found = dict(outcomes)
    json.dump([[*cell, *found.get(cell, ["waits", GUARD])] for cell in table], sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # some threads wait for ever


if __name__ == "__main__":
    main()
