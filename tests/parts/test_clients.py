"""Official clients in several languages: whole answers, tools, typed errors, faults in the middle.

docs/clients.md tells what each makes of the faults; what is demanded here holds for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from mockllm import MockLLM
from mockllm.scripts.named import CANONICAL
from tests.parts.clients.measure import (
    AFTERWARDS,
    HEALTHY,
    MID_STREAM,
    REFUSED,
    SHAPES,
    STATUSES,
    TOOLS,
    Case,
    Outcomes,
    error_is_text,
    measure,
    serving,
)
from tests.parts.clients.run import CLIENTS
from tests.parts.clients.table import TABLE
from tests.sdk.conduct import FIVE_WORDS, TOOLS2
from tests.sdk.drive import Outcome

clients = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.parts(one.part)) for name, one in CLIENTS.items()]
)

Measured = Callable[[str], Outcomes]

FINISH = {
    "anthropic-python": ("end_turn", "tool_use"),
    "anthropic-python, async": ("end_turn", "tool_use"),
    "Vercel AI SDK": ("stop", "tool-calls"),
}
"""What clients call the reasons for which an answer ends, and a call of tools."""

PYTHON = {
    400: "BadRequestError",
    401: "AuthenticationError",
    429: "RateLimitError",
    503: "InternalServerError",
}
BEFORE_1 = {503: "ServiceUnavailableError"}
"""It chooses by the status alone only here; the others depend on whether it can read the body."""
ANTHROPIC = PYTHON | {503: "ServiceUnavailableError"}
JAVA = {
    400: "BadRequestException",
    401: "UnauthorizedException",
    429: "RateLimitException",
    503: "InternalServerException",
}
LANGCHAIN = {
    400: "OpenAIInvalidRequestError",
    401: "OpenAIAuthenticationError",
    429: "OpenAIRateLimitError",
    503: "OpenAIAPIError",
}
LITELLM = {429: "RateLimitError", 503: "ServiceUnavailableError"}
"""With 400 and 401 it goes by the message, too."""

TYPED: dict[str, dict[int, str]] = {
    "openai-python 0.27": BEFORE_1,
    "openai-python 0.27, aiohttp": BEFORE_1,
    "openai-python": PYTHON,
    "openai-python, async": PYTHON,
    "openai-node": PYTHON,
    "openai-go": dict.fromkeys(PYTHON, "openai.Error"),
    "openai-java": JAVA,
    "anthropic-python": ANTHROPIC,
    "anthropic-python, async": ANTHROPIC,
    "LiteLLM": LITELLM,
    "LiteLLM, async": LITELLM,
    "langchain-openai": LANGCHAIN,
    "langchain-openai, async": LANGCHAIN,
    "Vercel AI SDK": dict.fromkeys(PYTHON, "APICallError"),
}
"""The error of each status. Where a client has several for one, its name is not judged."""

LOST = {
    ("openai-python 0.27", 400): "AttributeError",
    ("openai-python 0.27", 401): "AttributeError",
    ("openai-python 0.27", 429): "AttributeError",
    **{("openai-go", status): "json.UnmarshalTypeError" for status in PYTHON},
}
"""What clients make of a body whose `error` is a text: they fail to read it and lose the status."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockLLM]:
    """The server of all cases."""
    with serving(tmp_path_factory.mktemp("profiles")) as server:
        yield server


@pytest.fixture(scope="module")
def measured(server: MockLLM) -> Measured:
    """What a client makes of all cases; it is asked once."""
    return cache(lambda name: measure(CLIENTS[name], server.url))


@pytest.fixture(scope="module")
def texts(server: MockLLM) -> set[Case]:
    """The refusals whose error is a text."""
    return {case for case in REFUSED.values() if error_is_text(server.url, case)}


@clients
@pytest.mark.parametrize("case", HEALTHY, ids=["stream", "plain"])
def test_a_healthy_answer_is_whole(measured: Measured, name: str, case: Case) -> None:
    """All sixty words and the reason of the end."""
    finish, _ = FINISH.get(name, ("stop", ""))
    assert measured(name)[case] == Outcome(text=CANONICAL, finish=finish)


@clients
@pytest.mark.parametrize("case", TOOLS, ids=["stream", "plain"])
def test_tool_calls_are_whole(measured: Measured, name: str, case: Case) -> None:
    """Names and arguments of both calls, to the byte."""
    _, finish = FINISH.get(name, ("", "tool_calls"))
    assert measured(name)[case] == Outcome(finish=finish, tools=TOOLS2)


@clients
@pytest.mark.parametrize("status", STATUSES)
def test_an_error_of_every_shape_is_typed(
    measured: Measured, texts: set[Case], name: str, status: int
) -> None:
    """The client's own exception with the status, whatever the body; but for known losses."""
    lost = LOST.get((name.partition(",")[0], status))
    wanted = TYPED[name].get(status)
    for shape in SHAPES:
        case = REFUSED[shape, status]
        found = measured(name)[case]
        assert found.text == "", (shape, found)
        if lost and case in texts:
            assert (found.error, found.status) == (lost, None), (shape, found)
        else:
            assert found.status == status, (shape, found)
            assert found.error, (shape, found)
            assert wanted in (None, found.error), (shape, found)


@clients
@pytest.mark.parametrize("fault", MID_STREAM)
def test_a_broken_stream_is_not_whole(measured: Measured, name: str, fault: str) -> None:
    """A caller who looks at the exception, the text and the finish reason cannot be misled."""
    found = measured(name)[MID_STREAM[fault]]
    assert found.text != CANONICAL
    assert CANONICAL.startswith(found.text[: len(FIVE_WORDS)])
    if fault != "truncate":  # a proper end: only the finish reason or the text tell
        assert found.error is not None


@clients
def test_the_server_is_well_afterwards(measured: Measured, name: str) -> None:
    """The last call is answered as the first."""
    found = measured(name)
    assert found[AFTERWARDS] == found[HEALTHY[0]]


@clients
def test_the_table_tells_of_the_client(name: str) -> None:
    """docs/clients.md has the client, and was not made for others."""
    rows = [
        line.split(" | ")[0].removeprefix("| ") for line in TABLE.read_text("utf-8").splitlines()
    ]
    assert rows.count(name) == len(("versions", "faults"))
