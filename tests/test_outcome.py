"""What a caller saw: kinds of errors, their status and code."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.error
from collections.abc import Callable
from email.message import Message
from typing import Any

import aiohttp
import httpx2
import openai
import pytest
from aiohttp.client_reqrep import RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from mockllm import MockLLM
from mockllm.outcome import Outcome, failed

REQUEST: Any = httpx2.Request("POST", "http://127.0.0.1/")


def of_openai(status: int, **error: Any) -> openai.APIStatusError:
    """An error of OpenAI's SDK, as it makes it."""
    response: Any = httpx2.Response(status, json={"error": error}, request=REQUEST)
    return openai.OpenAI(api_key="x")._make_status_error(
        "said", body={"message": "said", **error}, response=response
    )


def of_aiohttp(status: int) -> aiohttp.ClientResponseError:
    """The error of `raise_for_status`."""
    info = RequestInfo(URL("http://a/"), "POST", CIMultiDictProxy(CIMultiDict()), URL("http://a/"))
    return aiohttp.ClientResponseError(info, (), status=status, message="said")


class Own(Exception):
    """An error of a client under test."""


class OwnDeadline(Own):
    """Its timeout, under another name."""


class OwnTimeout(Own):
    """Its timeout."""


def caused(error: Exception, cause: BaseException) -> Exception:
    """An error that was raised from another."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (of_openai(503), "typed"),
        (openai.APIConnectionError(request=REQUEST), "typed"),
        (openai.APITimeoutError(request=REQUEST), "timeout"),
        (Own(), "typed"),
        (OwnTimeout(), "timeout"),
        (OwnDeadline(), "typed"),
        (TimeoutError(), "timeout"),
        (asyncio.TimeoutError(), "timeout"),  # noqa: UP041  one and the same since 3.11
        (aiohttp.ServerTimeoutError(), "timeout"),
        (httpx2.ReadTimeout("x"), "timeout"),
        (aiohttp.ClientPayloadError(), "other"),
        (aiohttp.ServerDisconnectedError(), "other"),
        (of_aiohttp(500), "other"),
        (httpx2.RemoteProtocolError("x"), "other"),
        (json.JSONDecodeError("x", "", 0), "other"),
        (ConnectionResetError(), "other"),
        (socket.gaierror(), "other"),
        (KeyError("choices"), "other"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_kinds(error: Exception, kind: str) -> None:
    """Errors of languages and transports are nobody's own kind; timeouts are known by name."""
    assert failed(error).kind == kind


def test_kinds_that_are_named() -> None:
    """A test may say which errors are the client's own."""
    assert Outcome(error=KeyError("x"), typed=(LookupError,)).seen.error == failed(
        KeyError("x"), (LookupError,)
    )
    assert failed(KeyError("x"), (LookupError,)).kind == "typed"


def test_openai() -> None:
    """Status, code and message are those of the error."""
    error = failed(of_openai(429, code="rate_limit_exceeded"))
    assert (error.status, error.code, error.name) == (429, "rate_limit_exceeded", "RateLimitError")
    assert "said" in error.message


def test_aiohttp() -> None:
    """aiohttp's `code` is an old name of the status, and no code; nothing warns."""
    error = failed(of_aiohttp(503))
    assert (error.status, error.code) == (503, None)


@pytest.mark.parametrize("code", [500, "500", None, 1.5])
def test_codes_keep_their_kind(code: object) -> None:
    """The number 500 and the text "500" are two codes; anything else is none."""
    error = Own()
    error.code = code  # type: ignore[attr-defined]
    assert failed(error).code == (code if isinstance(code, int | str) else None)


def test_urllib() -> None:
    """urllib says the status as status and as code."""
    with urllib.error.HTTPError("http://a", 404, "said", Message(), None) as raised:
        error = failed(raised)
    assert (error.status, error.code) == (404, 404)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda error: caused(Own("outer"), error),
        lambda error: caused(Own("outer"), caused(ValueError("between"), error)),
    ],
    ids=["cause", "cause of the cause"],
)
def test_causes(wrap: Callable[[Exception], Exception]) -> None:
    """An error without status or code has that of what caused it; its words are its own."""
    error = failed(wrap(of_openai(503, code="busy")))
    assert (error.status, error.code, error.name, error.message) == (503, "busy", "Own", "outer")


def test_what_was_handled_meanwhile() -> None:
    """An error that was raised while another was handled has that one's status."""
    error = Own()
    error.__context__ = of_openai(502)
    assert failed(error).status == 502


def test_causes_that_go_round() -> None:
    """A chain that comes back to itself ends."""
    one, two = Own("one"), Own("two")
    one.__cause__, two.__cause__ = two, one
    assert failed(one).status is None


def test_a_group_of_one() -> None:
    """A task group's only exception is what the client raised; several stay a group."""
    assert failed(ExceptionGroup("g", [ExceptionGroup("h", [of_openai(503)])])).status == 503
    assert failed(ExceptionGroup("g", [Own(), Own()])).kind == "other"


@pytest.mark.parametrize("value", [True, "503", None, 5.5])
def test_a_status_that_is_none(value: object) -> None:
    """Only whole numbers are statuses."""
    error = Own()
    error.status = value  # type: ignore[attr-defined]
    assert failed(error).status is None


def test_the_block() -> None:
    """The block's exception is caught and stands in the outcome, with the seconds it took."""
    with MockLLM() as server:
        with server.outcome(typed=(KeyError,)) as got:
            dict[str, int]()["x"]
        assert isinstance(got.error, KeyError)
        assert got.seen.error is not None
        assert got.seen.error.kind == "typed"
        assert got.seconds is not None
        assert got.seconds >= 0


def test_the_block_and_the_servers_clock() -> None:
    """The seconds are those of the server's clock, which a test can move."""
    with MockLLM() as server:
        with server.outcome() as got:
            server.server.clock.advance(100)
        assert got.seconds is not None
        assert 100 <= got.seconds < 100 + 60


@pytest.mark.parametrize("error", [AssertionError("mine"), KeyboardInterrupt()])
def test_what_the_block_lets_through(error: BaseException) -> None:
    """What the test itself asserts, and what ends the run, goes on."""
    with MockLLM() as server, pytest.raises(type(error)), server.outcome():
        raise error


def test_what_was_told() -> None:
    """All that a test knows reaches the judge; what nobody told stays open."""
    got = Outcome("text", tool_calls=[("a", "{}")], finish="stop", usage=3, records=1, alive=True)
    seen = got.seen
    assert (seen.text, seen.error, seen.tool_calls) == ("text", None, (("a", "{}"),))
    assert (seen.finish, seen.usage, seen.records, seen.alive) == ("stop", 3, 1, True)
    nothing = Outcome().seen
    assert (nothing.text, nothing.tool_calls, nothing.alive, nothing.seconds) == (None,) * 4
