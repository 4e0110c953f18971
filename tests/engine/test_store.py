"""What calls leave behind."""

from __future__ import annotations

from mockllm.engine.store import Documents
from mockllm.wires.wire import Drop, Put


def test_documents_are_kept_by_kind_and_id() -> None:
    """Written, replaced and removed, in the order in which they first came."""
    store = Documents()
    store.apply([Put("chat", "a", 1), Put("chat", "b", 2), Put("response", "a", 3)])
    store.apply([Put("chat", "a", 4)])
    assert store.all("chat") == (4, 2)
    assert (store.get("response", "a"), store.get("chat", "c")) == (3, None)
    store.apply([Drop("chat", "a"), Drop("chat", "zzz")])
    assert store.all("chat") == (2,)
    store.clear()
    assert store.all("response") == ()


def test_the_oldest_goes_first() -> None:
    """A full store forgets what came first."""
    store = Documents(2)
    store.apply(Put("chat", name, name) for name in "abc")
    assert store.all("chat") == ("b", "c")
