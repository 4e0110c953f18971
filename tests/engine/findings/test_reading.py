"""What clients do while an answer arrives, and with one that broke off."""

from __future__ import annotations

from typing import Any

import pytest

from mockllm.engine.findings.case import Limits
from mockllm.engine.findings.reading import assistant_texts
from mockllm.engine.journal import Ending
from tests.engine.findings.history import History, attempts, found, told

# no-read-timeout

STALL = "script: {text: a b c}\nfaults: [{stall: 30s, at: after content 2}]"
FIVE = Limits(read_timeout=5)


def silent(text: str, lasts: float, ending: Ending | None = "peer gone", **options: Any) -> History:
    """A call that lasted so long."""
    history = History(text, **options)
    history.call(0, lasts=lasts, ending=ending, stream=True)
    return history


def test_a_client_that_listens_to_silence() -> None:
    """The evidence has how long it listened, and from when on."""
    finding = found(silent(STALL, 12.5).verdict(limits=FIVE), "no-read-timeout")
    assert finding.calls == (1,)
    assert finding.evidence == (
        "#1 listened to 12.50 s of silence, from 0.000 s after the request on; the limit is 5.00 s"
    )


@pytest.mark.parametrize(
    ("text", "lasts", "ending", "expected"),
    [
        (STALL, 5.05, "peer gone", "passed"),
        (STALL, 2.0, "peer gone", "passed"),
        (STALL, 30.0, None, "found"),
        (STALL, 20.0, "held", "found"),
        ("faults: [{hang: 30s}]", 30.0, None, "found"),
        ("faults: [{hang: forever}]", 5.2, "peer gone", "passed"),
        ("faults: [{hang: forever}]", 9.0, "peer gone", "found"),
        ("faults: [{stall: 3s}]", 3.0, None, "no silence was longer than the limit of 5.00 s; the longest was 3.00 s"),
        ("faults: [{wait: {ping: 1s, for: 60s}, at: after content 2}]", 60.0, None, "no silence was longer than the limit of 5.00 s; the longest was 1.00 s"),
        ("faults: [{wait: {ping: 10s, for: 60s}, at: after content 2}]", 60.0, None, "found"),
    ],
)  # fmt: skip
def test_silences(text: str, lasts: float, ending: Ending | None, expected: str) -> None:
    """Stalls and hangs, sat out or left in time; heartbeats divide a wait."""
    verdict = silent(text, lasts, ending).verdict(limits=FIVE)
    assert told(verdict, "no-read-timeout") == expected


def test_a_silence_of_a_faster_server() -> None:
    """A server that is ten times as fast is silent for a tenth of the time."""
    verdict = silent(STALL, 3.0, None, speed=10).verdict(limits=Limits(read_timeout=2))
    assert "3.00 s of silence" in found(verdict, "no-read-timeout").evidence


def test_a_client_that_left_and_closed_later() -> None:
    """Its departure counts, not the end of the connection after it."""
    history = History(STALL)
    history.end(history.begin(0, stream=True), 9.0, "peer gone", left=4.0)
    assert told(history.verdict(limits=FIVE), "no-read-timeout") == "passed"


def test_without_a_limit_silence_is_not_judged() -> None:
    """Only the test knows the client's limit."""
    verdict = silent(STALL, 12.5).verdict()
    assert told(verdict, "no-read-timeout") == "no limit is given (read_timeout)"


# partial-answer-accepted

CUT = "script: {text: a b c d e}\nfaults: [{truncate: , at: after content 3, first: 1}]"
WHOLE, PART = "a b c d e", "a b c"


def conversation(*said: str, last: str = "user") -> list[dict[str, Any]]:
    """A conversation whose assistant has said this."""
    turns: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
    for text in said:
        turns += [{"role": "assistant", "content": text}, {"role": "user", "content": "Go on"}]
    return turns if last == "user" else turns[:-1]


def after_a_cut(messages: list[dict[str, Any]], **data: Any) -> History:
    """A text that broke off, and a later request."""
    history = History(CUT)
    history.call(0, stream=True, **data)
    history.call(1, stream=True, messages=messages)
    return history


def test_half_an_answer_comes_back_as_a_whole() -> None:
    """The evidence says how much of the text there was, and where it came back."""
    finding = found(after_a_cut(conversation(PART)).verdict(), "partial-answer-accepted")
    assert (finding.severity, finding.calls) == ("fail", (1, 2))
    assert finding.evidence == (
        "the text of #1 broke off after 5 of 9 characters, and #2 sends it as the assistant's "
        "message"
    )


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (conversation(WHOLE), "passed"),
        (conversation(PART, last="assistant"), "no later request shows what became of the text that broke off"),
        (conversation("something else"), "no later request shows what became of the text that broke off"),
    ],
)  # fmt: skip
def test_what_a_client_makes_of_it(messages: list[dict[str, Any]], expected: str) -> None:
    """A whole answer is right; a last message asks to be continued; another text tells nothing."""
    assert told(after_a_cut(messages).verdict(), "partial-answer-accepted") == expected


def test_texts_that_do_not_count() -> None:
    """Whole answers, and those that the client ended, are no occasion; nor are several choices."""
    for history in (
        attempts(History(""), 0, stream=True),
        silent(STALL, 1.0),
        after_a_cut(conversation(PART), n=2),
    ):
        assert told(history.verdict(), "partial-answer-accepted") == "no text broke off"


def test_texts_of_an_assistant() -> None:
    """Wherever a request has messages; texts may be in parts."""
    parts = [{"type": "text", "text": "a "}, {"type": "text", "text": "b"}, {"type": "image"}]
    data = {
        "input": [{"role": "assistant", "content": parts}, {"role": "user", "content": "c"}],
        "other": {"messages": [{"role": "user", "content": "d"}, {"role": "assistant"}]},
    }
    assert list(assistant_texts(data)) == ["a b"]


# connection-leaked


def retry(number: int) -> tuple[tuple[str, str], ...]:
    """What OpenAI's SDK says of a retry."""
    return (("x-stainless-retry-count", str(number)),)


def given_up(closed_after: float | None, headers: bool = True) -> History:
    """A call that its client gave up after 10 s, and closed so much later."""
    history = History("faults: [{hang: forever}]")
    first = history.begin(0, headers=retry(0) if headers else (), connection=1)
    second = history.begin(10, headers=retry(1) if headers else (), connection=2)
    if closed_after is not None:
        history.end(first, 10 + closed_after, "peer gone")
    history.end(second, 30, "peer gone")
    return history


def test_a_connection_that_stays_open() -> None:
    """The client says that it tries again, and leaves the first connection open."""
    finding = found(given_up(12).verdict(), "connection-leaked")
    assert (finding.severity, finding.calls) == ("warn", (1, 2))
    assert finding.evidence == ("the connection of #1 stayed open for 12.00 s after #2 tried again")
    assert "20.00 s" in found(given_up(None).verdict(), "connection-leaked").evidence


def test_a_connection_that_is_closed() -> None:
    """Soon is soon enough."""
    assert told(given_up(-0.5).verdict(), "connection-leaked") == "passed"
    assert told(given_up(2).verdict(), "connection-leaked") == "passed"


def test_requests_that_may_be_others() -> None:
    """Without a word of the client, an identical request at the same time proves nothing."""
    verdict = given_up(None, headers=False).verdict()
    assert told(verdict, "connection-leaked") == (
        "no connection was seen that its client ought to have closed"
    )


@pytest.mark.parametrize(("after", "expected"), [(9.0, "found"), (0.5, "passed")])
def test_a_side_that_the_server_closed(after: float, expected: str) -> None:
    """A client that reads the end of the answer closes its side too."""
    history = History("faults: [{close: half, at: after content 5}]")
    history.end(history.begin(0, stream=True), after, "closed")
    verdict = history.verdict()
    assert told(verdict, "connection-leaked") == expected
    if expected == "found":
        assert found(verdict, "connection-leaked").evidence == (
            "the connection of #1 stayed open for 9.00 s after the server had closed its side"
        )
