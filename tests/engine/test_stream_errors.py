"""Errors inside a stream, ended as each shape's server ends them."""

from __future__ import annotations

import pytest

from tests.engine.build import ask, engine, written

DONE = b"data: [DONE]\n\n\r\n"
END = b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("fault", "tail"),
    [
        # vLLM and OpenAI send the final marker behind an error, LiteLLM none (observed).
        ("error: vllm", b'"code": 500}}\n\n\r\ne\r\n' + DONE + END),
        ("error: openai", b'"code":null}}\n\n\r\ne\r\n' + DONE + END),
        ("error: ", b'"code":null}}\n\n\r\ne\r\n' + DONE + END),
        ("error: litellm", b'"param": null, "code": "500"}}\n\n\r\n' + END),
        # LitServe ends without the marker, and without the blank line behind the event (observed).
        ("error: litserve", b'"param": null, "code": "internal_error"}}\r\n' + END),
        # Of a server that says nothing inside a stream nothing is known.
        ("error: envoy", b"fault filter abort\n\n\r\ne\r\n" + DONE + END),
    ],
)
def test_an_error_ends_as_its_server_ends_it(fault: str, tail: bytes) -> None:
    """The named fault follows the shape: with the final marker or without, with the blank line."""
    sent = written(ask(engine(f"faults: [{{{fault}}}]"), stream=True))
    assert sent.endswith(tail)


@pytest.mark.parametrize(("done", "count"), [("true", 1), ("false", 0), ("server", 0)])
def test_a_profile_may_decide_itself(done: str, count: int) -> None:
    """`done` says whether the marker follows, whatever the shape's server does."""
    text = f"faults: [{{send: {{error: litellm, done: {done}}}}}, {{close: clean, at: after content 5}}]"
    assert written(ask(engine(text), stream=True)).count(b"[DONE]") == count


def test_outside_a_stream_nothing_is_dressed() -> None:
    """A document is no event, with a shape whose events end without a blank line too."""
    text = "faults: [{send: {error: litserve}, at: end}]"
    assert b"data:" not in written(ask(engine(text), stream=False))
