"""What a server says and what goes wrong, said in Python: over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

from mockllm import MockLLM, tool
from tests.server.raw import GUARD


@pytest.fixture
def server() -> Iterator[MockLLM]:
    """A server of the test's own."""
    with MockLLM() as server:
        yield server


def post(server: MockLLM, **fields: Any) -> tuple[int, Any]:
    """Status and body of a chat."""
    document = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]} | fields
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=GUARD)
    try:
        connection.request(
            "POST",
            "/v1/chat/completions",
            json.dumps(document),
            {"content-type": "application/json"},
        )
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def choice(server: MockLLM, **fields: Any) -> Any:
    """The first choice of an answer."""
    status, body = post(server, **fields)
    assert status == 200, body
    return body["choices"][0]


def text(server: MockLLM, **fields: Any) -> str:
    """The text of an answer."""
    return str(choice(server, **fields)["message"]["content"])


def calls(server: MockLLM, **fields: Any) -> list[tuple[str, Any]]:
    """The tool calls of an answer."""
    made = [one["function"] for one in choice(server, **fields)["message"]["tool_calls"]]
    return [(one["name"], json.loads(one["arguments"])) for one in made]


# Answers


def test_a_text(server: MockLLM) -> None:
    """Every answer is the text, until another is said."""
    assert server.says("Hello") is server
    assert [text(server), text(server)] == ["Hello", "Hello"]
    server.says("Bye")
    assert text(server) == "Bye"
    server.says("")
    assert text(server) == ""


def test_a_tool(server: MockLLM) -> None:
    """A call of a tool, and several at once."""
    server.says(tool("get_weather", city="Paris"))
    assert calls(server) == [("get_weather", {"city": "Paris"})]
    server.says([tool("a"), tool("b", n=1)])
    assert calls(server) == [("a", {}), ("b", {"n": 1})]
    assert choice(server)["finish_reason"] == "tool_calls"
    server.says(one for one in (tool("c"),))
    assert calls(server) == [("c", {})]


def test_a_script(server: MockLLM) -> None:
    """Whatever a profile may have as a script."""
    server.says({"words": 3})
    assert len(text(server).split()) == 3
    server.says({"text": "cut", "finish": "length"})
    assert choice(server)["finish_reason"] == "length"


def test_turns(server: MockLLM) -> None:
    """One argument for each turn of the conversation; the last one repeats; a retry repeats too."""
    server.says(tool("look"), "Found.", {"text": "Anything else?"})
    user = {"role": "user", "content": "Hi"}
    said = {"role": "assistant", "content": "x"}
    assert calls(server, messages=[user]) == [("look", {})]
    assert calls(server, messages=[user]) == [("look", {})]
    assert text(server, messages=[user, said, user]) == "Found."
    assert text(server, messages=[user, said] * 2 + [user]) == "Anything else?"
    assert text(server, messages=[user, said] * 5 + [user]) == "Anything else?"


def test_what_may_be_different(server: MockLLM) -> None:
    """Finish reason, usage and number of choices stand beside the text."""
    server.says("Hello", finish="length", usage={"completion_tokens": 7}, n=2)
    _, body = post(server)
    assert [one["finish_reason"] for one in body["choices"]] == ["length", "length"]
    assert body["usage"]["completion_tokens"] == 7


def test_every_profile_says_it(server: MockLLM) -> None:
    """What was said stays when the profile is switched, and holds where a request chooses one."""
    server.says("Hello").use("{mockllm: 1, faults: [{fail: 503, first: 1}]}")
    assert post(server)[0] == 503
    assert text(server) == "Hello"
    assert text(server, model="mock-default") == "Hello"
    server.use("{mockllm: 1, routes: [{match: {model: b}, script: {text: filed}}]}")
    assert [text(server, model="b"), text(server)] == ["Hello", "Hello"]


# Some calls


def test_on(server: MockLLM) -> None:
    """Calls that match have an answer of their own; others have that of all."""
    server.says("all")
    server.on(model="gpt-4*").says("four")
    assert [text(server), text(server, model="llama-3-8b")] == ["four", "all"]


def test_on_fails(server: MockLLM) -> None:
    """Faults of some calls leave others alone; when they are spent, the answer is that of all."""
    server.says("all")
    server.on(model="gpt-4o").fail(429, first=1)
    assert text(server) == "all"
    assert post(server, model="gpt-4o")[0] == 429
    assert text(server, model="gpt-4o") == "all"


def test_the_newest_wins(server: MockLLM) -> None:
    """Of several that match, the one about which something was said last is taken."""
    wide, narrow = server.on(model="gpt*"), server.on(model="gpt-4o-mini")
    wide.says("wide")
    narrow.says("narrow")
    assert text(server) == "narrow"
    wide.says("wide again")
    assert text(server) == "wide again"


def test_the_same_conditions_twice(server: MockLLM) -> None:
    """Two handles with equal conditions are about the same calls, so nothing gets lost."""
    server.on(model="gpt*", stream=False).says("mine")
    server.on(stream=False, model="gpt*").fail(503, first=1)
    assert [post(server)[0], text(server)] == [503, "mine"]


def test_faults_of_all_and_of_some(server: MockLLM) -> None:
    """What goes wrong everywhere goes wrong with calls that were told apart, too."""
    server.on(model="gpt*").says("mine").fail(500, nth=2)
    server.fail(503, first=1)
    assert [post(server)[0] for _ in range(3)] == [503, 500, 200]


def test_a_handle_after_clear(server: MockLLM) -> None:
    """What was said is gone, and the handle can be used again."""
    some = server.on(model="gpt*").says("mine").fail(503, first=1)
    server.clear()
    assert text(server) != "mine"
    some.says("again")
    assert text(server) == "again"
    server.assert_fired()


def test_a_server_that_is_started_again(server: MockLLM) -> None:
    """A new life begins without what was said in the last one."""
    server.says("old").fail(503)
    server.stop()
    with server:
        server.on(model="x").says("new")
        assert text(server) != "old"


def test_conditions_of_all_kinds(server: MockLLM) -> None:
    """The conditions are those of a profile, also as mappings and lists."""
    server.on(message="/weath(er)/", attempt=1, header={"x-absent": {"absent": True}}).says("yes")
    assert text(server, messages=[{"role": "user", "content": "The weather?"}]) == "yes"
    assert text(server) != "yes"


# From several threads


def test_threads_lose_nothing(server: MockLLM) -> None:
    """What eight threads say at once is all heard."""
    ready = threading.Barrier(8)

    def say(number: int) -> None:
        ready.wait(GUARD)
        for nth in range(10):
            server.fail(400 + number * 10 + nth, nth=number * 10 + nth + 1)
            server.on(model=f"m{number}").says(f"text {number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(say, range(8), timeout=GUARD))
    got = [post(server)[0] for _ in range(81)]
    assert got == [*range(400, 480), 200]
    names = {one.name for one in server._read(lambda service: service.engine.said)}
    assert names == {"", *(f"on(model='m{number}')" for number in range(8))}


# Mistakes


@pytest.mark.parametrize(
    ("say", "message"),
    [
        (lambda s: s.says(), "mockllm.says(): expected what it says, one argument for each turn"),
        (lambda s: s.says(5), "mockllm.says(5): expected a text, tool(…), a list of tool(…) or a script such as {\"file\": \"answer.txt\"}, got 5"),
        (lambda s: s.says([]), "mockllm.says([]): expected a text, tool(…), a list of tool(…) or a script such as {\"file\": \"answer.txt\"}, got []"),
        (lambda s: s.says("x", "y", 3), "mockllm.says('x', 'y', 3): expected a text, "),
        (lambda s: s.says(tool("a"), finsh="x"), "mockllm.says(tool('a', …), finsh='x'): unknown key 'finsh'; did you mean 'finish'?"),
        (lambda s: s.says({"txet": "x"}), "mockllm.says({'txet': 'x'}): expected a script "),
        (lambda s: s.on(modle="x"), "mockllm.on(modle='x'): unknown key 'modle'; did you mean 'model'?"),
        (lambda s: s.on(model="x").fail(42), "mockllm.on(model='x').fail(42): "),
        (lambda s: s.fail(503, frist=1), "mockllm.fail(503, frist=1): unknown key 'frist'; did you mean 'first'?"),
        (lambda s: s.fail(503, status=500), "mockllm.fail(503, status=500): unknown key 'status'; known keys: "),
        (lambda s: s.reset(mesage=1), "mockllm.reset(mesage=1): unknown key 'mesage'; known keys: after_content, at, "),
        (lambda s: s.stall(30), "mockllm.stall(30): expected a duration, got 30; write the unit, such as 30s or 30ms"),
        (lambda s: s.stall(at="head", after_content=3), "mockllm.stall('forever', at='head', after_content=3): expected either at or after_content, got both"),
        (lambda s: s.cut(after_content="x"), "mockllm.cut(after_content='x'): "),
        (lambda s: s.cut(first=0), "mockllm.cut(first=0): expected a number of at least 1, got 0"),
        (lambda s: s.error(shape="opnai"), "mockllm.error(shape='opnai'): expected the name of a shape "),
    ],
)  # fmt: skip
def test_mistakes(server: MockLLM, say: Any, message: str) -> None:
    """A mistake is refused in one line that begins with what was written; nothing is said by it."""
    with pytest.raises(ValueError) as refused:
        say(server)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)
    assert post(server)[0] == 200
    server.assert_fired()


@pytest.mark.parametrize(
    ("name", "at"),
    [("stall", "after content 3"), ("cut", "after content 3"), ("garble", "content 4")],
)
def test_after_content(server: MockLLM, name: str, at: str) -> None:
    """`after_content=3` is the place after three pieces; what is edited is the fourth."""
    getattr(server, name)(after_content=3, may_not_fire=True)
    post(server)
    assert server.calls[0].plan.reports[0].at == at
