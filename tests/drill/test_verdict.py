"""The verdict on a call that ended."""

from __future__ import annotations

import pytest

from mockllm.drill.cell import Verdict, verdict_of
from mockllm.engine.findings.finding import Finding
from mockllm.engine.judge import ErrorKind, Failed, Judgement, Seen

TEXT_HELD = Judgement("client.text: whole", "held", "all")
TEXT_BROKEN = Judgement("client.text: whole", "broken", "the call ended with an error")
ATTEMPTS = Judgement("server.attempts: 2", "broken", "1 came")
DEAD = Judgement("after: alive", "broken", "a later call: False")
UNSEEN = Judgement("probes.x", "not judged", "needs a judge that knows it")
ADVICE = Finding("tight-loop", "fail", (1,), "evidence", "why", "remedy")


def error(kind: ErrorKind | None = "typed") -> Seen:
    """A call that ended with an error."""
    return Seen(error=Failed(kind, "RateLimitError", "slow down", 429))


@pytest.mark.parametrize(
    ("seen", "judgements", "findings", "wanted"),
    [
        (Seen(text="x"), (TEXT_HELD,), (), "survived"),
        (Seen(text="x"), (TEXT_HELD,), (ADVICE,), "survived with advice"),
        (error(), (TEXT_HELD,), (), "failed safely"),
        (error(), (TEXT_BROKEN,), (), "failed safely"),
        (error(None), (TEXT_BROKEN,), (), "failed safely"),
        (error("other"), (TEXT_BROKEN,), (), "wrong"),
        (Seen(text="part"), (TEXT_BROKEN,), (), "wrong"),
        (error(), (TEXT_BROKEN, DEAD), (), "wrong"),
        (error(), (ATTEMPTS,), (), "wrong"),
        (Seen(text="x"), (UNSEEN,), (), "not judged"),
        (Seen(text="x"), (), (), "not judged"),
    ],
)
def test_verdict(
    seen: Seen,
    judgements: tuple[Judgement, ...],
    findings: tuple[Finding, ...],
    wanted: Verdict,
) -> None:
    """What holds, what does not, and what is only advice."""
    assert verdict_of(seen, judgements, findings)[0] == wanted


def test_too_few_attempts_are_no_harm() -> None:
    """A client that gave up early and said so failed safely; one that answered did not try enough."""
    assert verdict_of(error(), (TEXT_BROKEN, ATTEMPTS), (), too_few=True)[0] == "failed safely"
    assert verdict_of(Seen(text="x"), (ATTEMPTS,), (), too_few=True)[0] == "wrong"


def test_the_reason_tells_advice() -> None:
    """Advice is told beside an error too."""
    assert "advice: tight-loop" in verdict_of(error(), (TEXT_HELD,), (ADVICE,))[1]
