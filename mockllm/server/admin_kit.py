"""The test kit over the admin API, for tests in any language: say what is answered and what goes
wrong, move the clock, wait, and judge what happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from mockllm.engine.demands import Demand
from mockllm.engine.judge import Failed, Seen
from mockllm.engine.summary import Snapshot, Summary
from mockllm.engine.summary import as_json as judgement_json
from mockllm.faults.values import hint_for, parse_duration
from mockllm.profile.adding import Said, name_of, read, read_match
from mockllm.server.admin import Kit
from mockllm.timeline.valueclass import replace

FAILED = "x-mockllm-failed"
"""The header of a report for people that tells programs whether something is wrong."""
WAIT = 5.0
"""Seconds that `settle` waits unless the client says."""


Endpoint = Callable[[web.BaseRequest, Kit], Awaitable[web.Response]]


async def say(request: web.BaseRequest, kit: Kit) -> web.Response:
    """Say what is answered and what goes wrong, beside the profile that is on.

    The body is a part of a route, spelled as in a profile, in JSON: `script`, `faults`, and `match`
    for some of the calls only (the same match again adds to what was said; of several that match,
    the last is taken). `"may_not_fire": true` where the faults need not act. Counts begin anew.
    """
    wish = await document(request, {"match", "script", "faults", "may_not_fire"})
    parts = {key: wish[key] for key in ("script", "faults") if key in wish}
    if not parts:
        raise ValueError('expected {"script": …} or {"faults": […]}, or both')
    may_not_fire = wish.get("may_not_fire", False)
    if not isinstance(may_not_fire, bool):
        raise ValueError(f"may_not_fire: expected true or false, got {json.dumps(may_not_fire)}")
    match = wish.get("match")
    route = read("say", **parts)
    if match is not None and not isinstance(match, dict):
        raise ValueError(f"match: expected an object, got {json.dumps(match)}")
    nothing = Said() if match is None else Said(read_match("say", match), name_of(match))

    def more(said: Said) -> Said:
        script = route.script if "script" in parts else said.script
        return replace(said, script=script, faults=(*said.faults, *route.faults))

    kit.engine.amend(nothing, more)
    if not may_not_fire:
        for fault, words in zip(route.faults, wish.get("faults", ()), strict=True):
            kit.engine.demands.ask(Demand(json.dumps(words), (fault,)))
    return web.json_response({"said": [one.name or "all calls" for one in kit.engine.said]})


async def document(request: web.BaseRequest, known: set[str]) -> dict[str, Any]:
    """The JSON object of a request; raises `ValueError` for what is none, or has other keys."""
    try:
        found = json.loads(await request.text() or "{}")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"expected an object, got {type(found).__name__}")
    check_keys(found, known)
    return found


def check_keys(found: dict[str, Any], known: set[str]) -> None:
    """Refuse a key that means nothing."""
    strange = sorted(set(found) - known)
    if strange:
        hint = hint_for(strange, sorted(known)) or f"known keys: {', '.join(sorted(known))}"
        raise ValueError(f"unknown key '{strange[0]}'; {hint}")


SEEN = TypeAdapter(Seen)
FIELDS, ERROR = ({field.name for field in fields(kind)} for kind in (Seen, Failed))


async def expectations(request: web.BaseRequest, kit: Kit) -> web.Response:
    """Judge the statements of the profile's `expect`.

    The body, which may be missing, is what the caller of the client saw: `text`, `error` (`kind`:
    typed, timeout or other; `name`, `message`, `status`, `code`), `tool_calls` (pairs of name and
    arguments), `finish`, `usage`, `seconds`, `records`, `alive`, `model`, `left`.
    """
    found = await document(request, FIELDS)
    summary = await summary_of(request, kit, seen_of(found))
    return web.json_response(
        {
            "failed": bool(summary.broken),
            "expectations": [judgement_json(one) for one in summary.expectations],
        }
    )


def seen_of(found: dict[str, Any]) -> Seen | None:
    """What the caller saw; raises `ValueError` for what it cannot be."""
    if not found:
        return None
    error = found.get("error")
    if isinstance(error, dict):
        check_keys(error, ERROR)
        found["error"] = {"name": "error", "message": ""} | error
    try:
        return SEEN.validate_python(found)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}, got {first['input']!r}") from None


async def findings(request: web.BaseRequest, kit: Kit) -> web.Response:
    """What the journal shows of the clients' conduct; `?ignore=a,b`, `?session=NAME`."""
    data = (await summary_of(request, kit)).as_json()
    return web.json_response({key: data[key] for key in ("findings", "passed", "not_judged")})


async def report(request: web.BaseRequest, kit: Kit) -> web.Response:
    """Findings, expectations and faults that never fired; `?format=text` for people, with each
    call's timeline."""
    summary = await summary_of(request, kit)
    if request.query.get("format") == "text":
        text = await asyncio.to_thread(summary.as_text)
        return web.Response(text=text, headers={FAILED: str(summary.failed).lower()})
    return web.json_response(summary.as_json())


async def summary_of(request: web.BaseRequest, kit: Kit, seen: Seen | None = None) -> Summary:
    """The summary that a request asks for, judged beside the loop: a full journal takes a while."""
    snapshot = Snapshot.of(kit.engine, request.query.get("session"))
    names = [name.strip() for name in request.query.get("ignore", "").split(",")]
    ignore = [name for name in names if name]
    return await asyncio.to_thread(snapshot.judged, seen=seen, ignore=ignore)


async def clock(request: web.BaseRequest, kit: Kit) -> web.Response:
    """Move the server's clock on: `{"advance": "60s"}`."""
    wish = await document(request, {"advance"})
    seconds = seconds_of("advance", wish.get("advance"))
    kit.clock.advance(seconds)
    return web.json_response({"advanced": seconds})


def seconds_of(name: str, span: object) -> float:
    """A duration; raises `ValueError` that says which."""
    try:
        return parse_duration(span)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


async def settle(request: web.BaseRequest, kit: Kit) -> web.Response:
    """Answer when no call is in flight; `?timeout=5s`, then a 408 that names those that are."""
    span = request.query.get("timeout")
    try:
        await kit.settle(WAIT if span is None else seconds_of("timeout", span))
    except TimeoutError as error:
        return web.json_response({"error": str(error)}, status=408)
    return web.json_response({"status": "settled"})


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/say"): say,
    ("POST", "/expectations"): expectations,
    ("GET", "/findings"): findings,
    ("GET", "/report"): report,
    ("POST", "/clock"): clock,
    ("POST", "/settle"): settle,
}
