"""Names that are drawn together are those that are drawn one by one."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from mockllm.engine.drawing import Ask, drawing
from mockllm.wires.identity import Identity

LABEL = st.sampled_from(["a", "b", "call/0/1", "caf\xe9", "\ud800"])
ASK: st.SearchStrategy[Ask] = st.one_of(
    st.tuples(st.just("hexadecimal"), st.tuples(LABEL, st.integers(1, 128))),
    st.tuples(st.just("hexadecimals"), st.tuples(LABEL, st.integers(1, 8), st.integers(1, 16))),
    st.tuples(st.just("letters"), st.tuples(LABEL, st.integers(1, 140))),
    st.tuples(st.just("uuid"), st.tuples(LABEL)),
    st.tuples(st.just("decimal"), st.tuples(LABEL, st.just(20), st.just(99))),
    st.sampled_from([("created", None), ("created_digits", None)]),
    st.tuples(st.just("later"), st.tuples(st.integers(0, 9))),
)


def one_by_one(identity: Identity, asks: Iterable[Ask]) -> list[str]:
    """What is asked for, as texts."""
    names: list[str] = []
    for method, args in asks:
        found = getattr(identity, method)
        found = found if args is None else found(*args)
        names += found if isinstance(found, tuple) else [str(found)]
    return names


@given(st.text(max_size=9), st.lists(ASK, max_size=9))
def test_what_is_drawn_together(key: str, asks: list[Ask]) -> None:
    """Whatever is asked for, and in whichever order."""
    draw, order = drawing(asks)
    names = draw(key)
    assert sorted(order) == list(range(len(names)))
    assert [names[place].decode() for place in order] == one_by_one(Identity(key), asks)
