"""Which routes may match a call, against asking every route."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.matchers.call import Call, Conversation
from mockllm.matchers.condition import Condition
from mockllm.matchers.text import Globs
from mockllm.profile.candidates import Candidates
from mockllm.profile.models import Match, MatchBase

TEXTS = ["a", "b", "ab", "", "?", "*"]
CHAT = "/v1/chat/completions"

some_text = st.sampled_from(TEXTS)
some_texts = st.one_of(
    some_text,
    st.lists(some_text, min_size=1, max_size=3),
    st.lists(some_text, min_size=1, max_size=2).map(lambda texts: {"not": texts}),
    st.just({"present": True}),
    st.just({"absent": True}),
)
some_wire = st.sampled_from(["openai.chat", "openai.*", ["openai.chat", "kserve.v2"], "kserve.v2"])
conditions = st.fixed_dictionaries(
    {},
    optional={
        "model": some_texts,
        "path": some_texts,
        "method": some_texts,
        "key": some_texts,
        "message": st.sampled_from(["a", ["a", "b"], {"absent": True}]),
        "wire": some_wire,
        "stream": st.booleans(),
        "header": st.dictionaries(st.sampled_from(["x", "y"]), some_texts, min_size=1),
    },
)
maybe = st.one_of(st.none(), st.sampled_from(["a", "b", "ab", "abc", "?", ""]))
calls = st.builds(
    Call,
    method=st.sampled_from(["a", "POST"]),
    path=st.sampled_from(["a", "ab", CHAT]),
    headers=st.lists(
        st.tuples(st.sampled_from(["x", "y", "x-api-key"]), st.sampled_from(["a", "b", "ab"])),
        max_size=3,
    ).map(tuple),
    wire=st.sampled_from([None, "openai.chat", "kserve.v2"]),
    model=maybe,
    stream=st.booleans(),
    conversation=st.builds(Conversation, message=maybe),
)


def match(**conditions: Any) -> MatchBase:
    """The conditions of a route."""
    found: MatchBase = Match.model_validate(conditions)
    return found


@given(st.lists(conditions, max_size=8), calls)
def test_the_routes_that_match_are_among_them(found: list[dict[str, Any]], call: Call) -> None:
    """Every route that matches may match, and the order is that of the profile."""
    routes = [match(**one) for one in found]
    places = Candidates([one.matchers for one in routes]).of(call)
    assert places == sorted(set(places))
    matching = [place for place, one in enumerate(routes) if not one.why_not(call)]
    assert set(matching) <= set(places)
    assert [place for place in places if routes[place].holds(call)] == matching


@given(conditions, calls)
def test_what_holds_has_no_reason_against_it(found: dict[str, Any], call: Call) -> None:
    """Each condition holds just where it has no reason why not."""
    for matcher in match(**found).matchers:
        assert matcher.holds(call) == (matcher.why_not(call) is None)


@pytest.mark.parametrize(
    ("conditions", "call"),
    [
        ([{"model": f"m{n}"} for n in range(1000)], Call("POST", CHAT, model="m7")),
        ([{"path": f"/v{n}"} for n in range(1000)], Call("POST", "/v7")),
        ([{"wire": "kserve.v2"}] * 7 + [{"wire": "openai.chat"}], Call("POST", CHAT, wire="openai.chat")),
        # what tells the routes apart is looked up, wherever it stands
        ([{"wire": "openai.chat", "model": f"m{n}"} for n in range(1000)], Call("POST", CHAT, wire="openai.chat", model="m7")),
        ([{"model": [f"m{n}", f"n{n}"], "stream": True} for n in range(1000)], Call("POST", CHAT, model="n7")),
    ],
)  # fmt: skip
def test_of_many_routes_one_is_asked(conditions: list[dict[str, Any]], call: Call) -> None:
    """A literal text leaves only the routes that want it."""
    assert Candidates([match(**one).matchers for one in conditions]).of(call) == [7]


def test_other_conditions_are_always_asked() -> None:
    """Forms of several texts, and what must not be, prune nothing."""
    others: list[dict[str, Any]] = [
        {"model": "m*"},
        {"model": {"not": "m"}},
        {"model": {"absent": True}},
        {"model": ["m", "n*"]},
        {"stream": True},
        {"message": "m"},
        {},
    ]
    found = Candidates([match(**one).matchers for one in others]).of(Call("GET", "/x", model="m"))
    assert found == list(range(len(others)))


class Shouted(Globs):
    """A condition of another distribution, which says more than its texts."""

    key: ClassVar[str] = "shouted"

    def text(self, call: Call) -> str | None:
        """The model."""
        return call.model

    def why_not(self, call: Call) -> str | None:
        """Capitals do not count."""
        model = (call.model or "").lower()
        return None if self.wanted.holds((model,)) else "another model"


def test_a_kind_with_reasons_of_its_own_prunes_nothing() -> None:
    """What only its `why_not` knows decides."""
    shouted, call = Shouted("a"), Call("GET", "/x", model="A")
    assert shouted.literals is None
    assert shouted.holds(call)
    assert Candidates([[shouted]]).of(call) == [0]


def test_literal_texts_are_no_regular_expressions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no star and no question mark is compared."""
    condition = match(model=["m.1", "n"]).matchers[0].wanted
    assert isinstance(condition, Condition)
    monkeypatch.setattr("mockllm.matchers.condition.glob", None)
    assert condition.holds(("m.1",))
    assert not condition.holds(("mx1",))
    assert not condition.holds((1,))
