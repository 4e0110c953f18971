"""What was said to a running server, in every profile that its calls meet."""

from __future__ import annotations

from typing import Any

from mockllm.engine.engine import Engine
from mockllm.engine.journal import Outcome
from mockllm.engine.spoken import Spoken
from mockllm.profile.adding import Said, read_fault, read_match, read_script
from tests.engine.build import ask, engine, profile, status

HELLO = Said(name="on x", script=read_script("w", {"text": "Hello"}))
TURNS = Said(script=read_script("w", {"turns": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}))
FAIL = Said(faults=(read_fault("w", {"fail": 503, "first": 1}),))
USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "x"}


def call(to: Engine, target: str = "/v1/chat/completions", **data: Any) -> None:
    """A call that is done."""
    record = to.begin(ask(to, target, **data), "")
    events = len(record.entry.plan.lowered.events)
    to.ended(record.update(Outcome("done", events, events, 9, 0.0, 0.1)))


def test_nothing_said() -> None:
    """Without a word profiles are what they are."""
    loaded = profile()
    assert Spoken().heard(loaded) is loaded


def test_made_once() -> None:
    """A profile is put together once for what holds, and anew when something else is said."""
    spoken, loaded, other = Spoken(), profile(), profile(name="q")
    spoken.say((HELLO,))
    first = spoken.heard(loaded)
    assert first is not loaded
    assert spoken.heard(loaded) is first
    assert spoken.heard(other) is not first
    spoken.say((FAIL,))
    assert spoken.heard(loaded) is not first
    spoken.say(())
    assert spoken.heard(loaded) is loaded


def test_every_way_to_choose_a_profile() -> None:
    """What was said holds for calls that choose their profile by path, key or model."""
    to = engine("", profile("faults: [{fail: 418}]", "tea"))
    to.say((FAIL,))
    assert status(ask(to)) == 503
    for way in (
        {"target": "/p/tea/v1/chat/completions"},
        {"model": "mock-tea"},
        {"headers": [("authorization", "Bearer mock-tea")]},
    ):
        to.say((FAIL,))
        assert [status(ask(to, **way)) for _ in range(2)] == [503, 418]


def test_counts_begin_anew() -> None:
    """A word begins counts anew; the calls stay."""
    to = engine()
    to.say((FAIL,))
    call(to)
    call(to)
    to.say((FAIL,))
    assert status(ask(to)) == 503
    assert len(to.journal.entries()) == 2


def test_unused() -> None:
    """An answer that no call got is told by what it was said about."""
    to = engine()
    to.say((HELLO, FAIL))
    assert to.unused == ("on x.says: no call got it",)
    call(to)
    assert not to.unused


def test_unused_turns() -> None:
    """Turns that no conversation reached are told; a long one has used them all."""
    to = engine()
    to.say((TURNS,))
    assert to.unused == ("mockllm.says: no call got it",)
    call(to, messages=[USER])
    assert to.unused == ("mockllm.says: turn 1 was the last that came, of 3",)
    call(to, messages=[USER, ANSWER] * 4 + [USER])
    assert not to.unused


def test_unused_for_some() -> None:
    """An answer for calls that never came is unused, though others came."""
    to = engine()
    to.say((Said(read_match("w", {"model": "other"}), "on(…)", script=HELLO.script),))
    call(to)
    assert to.unused == ("on(…).says: no call got it",)


def test_reset_forgets() -> None:
    """Nothing is said after a reset."""
    to = engine()
    to.say((HELLO, FAIL))
    to.reset()
    assert (to.said, to.unused, status(ask(to))) == ((), (), 200)
