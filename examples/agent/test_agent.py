"""The tests of the agent. No key, no network, no patching: the agent talks to a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from agent import Agent, AgentError

from mockllm import tool

if TYPE_CHECKING:
    from mockllm import MockLLM


def test_it_answers(mockllm: MockLLM) -> None:
    """The model's text is the agent's answer."""
    mockllm.says("It is sunny.")
    assert Agent().ask("How is the weather?") == "It is sunny."


def test_it_calls_a_tool(mockllm: MockLLM) -> None:
    """Two turns: the model wants a tool, gets its result, and answers."""
    mockllm.says(tool("get_weather", city="Paris"), "Sunny, and 21 °C.")
    assert Agent().ask("Paris?") == "Sunny, and 21 °C."
    mockllm.assert_attempts(2)
    result = mockllm.calls[1].json["messages"][-1]
    assert (result["role"], result["content"]) == ("tool", "sunny, 21 °C")


def test_two_tools_at_once(mockllm: MockLLM) -> None:
    """Both results are there when the model is asked again."""
    mockllm.says(
        [tool("get_weather", city="Paris"), tool("get_weather", city="Oslo")], "Sun, snow."
    )
    assert Agent().ask("Paris and Oslo?") == "Sun, snow."
    results = [m["content"] for m in mockllm.calls[-1].json["messages"] if m["role"] == "tool"]
    assert results == ["sunny, 21 °C", "snow, -3 °C"]


def test_a_model_that_wants_tools_forever(mockllm: MockLLM) -> None:
    """The agent gives up instead of paying for ever."""
    mockllm.says(tool("get_weather", city="Paris"))
    with pytest.raises(AgentError, match="gave no answer"):
        Agent().ask("Paris?")


def test_an_outage_is_retried(mockllm: MockLLM) -> None:
    """The second attempt succeeds, and nothing about the agent's conduct does harm."""
    mockllm.says("Here again.")
    mockllm.fail(503, first=1)
    assert Agent().ask("Hi") == "Here again."
    mockllm.assert_attempts(2)
    mockllm.assert_resilient()


def test_half_an_answer_is_no_answer(mockllm: MockLLM) -> None:
    """A stream that ends without a finish reason is an error, not a short answer."""
    mockllm.truncate(after_content=5)
    with pytest.raises(AgentError, match="broke off"):
        Agent().ask("Hi")


def test_a_silent_stream(mockllm: MockLLM) -> None:
    """The agent's own patience ends first, and it closes the connection."""
    mockllm.stall("60s", after_content=5)
    with pytest.raises(AgentError, match="too long"):
        Agent(patience=0.2).ask("Hi")
    mockllm.settle()
    mockllm.assert_cancelled()


def test_a_server_that_is_gone(mockllm: MockLLM) -> None:
    """Connections are refused, then the server is back."""
    agent = Agent()
    mockllm.down()
    with pytest.raises(AgentError, match="cannot be asked"):
        agent.ask("Hi")
    mockllm.up()
    assert agent.ask("Hi")


@pytest.mark.mockllm("upstream-unavailable")
def test_what_the_gateway_says(mockllm: MockLLM) -> None:
    """An everyday profile by name: Envoy has no healthy upstream."""
    with pytest.raises(AgentError, match="cannot be asked"):
        Agent().ask("Hi")
