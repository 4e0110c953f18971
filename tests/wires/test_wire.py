"""What all wires share, and the names that answers bear."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import AUTO, Frame, Head, Message
from mockllm.wires.heads import SERVERS, make_head
from mockllm.wires.identity import ALPHABET, EPOCH, YEAR, Identity
from mockllm.wires.wire import Setting, Wire, pattern


class Plain(Wire):
    """A wire that has nothing of its own."""

    name: ClassVar = "plain"
    endpoints: ClassVar = (("GET", "/"),)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """Nothing."""
        return ()


def test_defaults() -> None:
    """A wire without streams has no limit, no marker, and a delta is sent as it is."""
    wire, call, setting = Plain(), Call("GET", "/"), Setting(Identity(""), ())
    wire.check(call, setting)
    assert wire.claims(call, None)
    assert wire.shape(call, setting) == "openai"
    assert wire.effects(call, Script(()), setting) == ()
    assert wire.token_limit(call) is None
    assert wire.done(call, setting) == ()
    assert wire.delta(call, {"a": "é"}, setting) == Frame(
        ("extra",), b'{"delta": {"a": "\\u00e9"}}'
    )
    assert wire.answer(call, Script(()), setting) == ()


@pytest.mark.parametrize(
    ("template", "path", "groups"),
    [
        ("/v1/models", "/v1/models", {}),
        ("/v1/models", "/v1/models/", None),
        ("/v1/models", "/v1xmodels", None),
        ("/v1/models/{model:path}", "/v1/models/a/b", {"model": "a/b"}),
        ("/v1/models/{model:path}", "/v1/models/", None),
        ("/v1/models/{model}", "/v1/models/a/b", None),
        ("/v1/models/{model}", "/v1/models/a", {"model": "a"}),
        ("/v1/models/{model}", "/v1/models/", None),
        ("/v2/{model}/infer", "/v2/m.1/infer", {"model": "m.1"}),
    ],
)
def test_pattern(template: str, path: str, groups: dict[str, Any] | None) -> None:
    """A name in braces stands for a segment, or for more if it says so, all else for itself."""
    found = pattern(template).fullmatch(path)
    assert (found.groupdict() if found else None) == groups


@given(st.text(max_size=20), st.text(max_size=20), st.integers(1, 1000))
def test_identity(key: str, label: str, size: int) -> None:
    """Names depend on key and label alone and have the form that was asked for."""
    one, same, other = Identity(key), Identity(key), Identity(key + "x")
    assert one.number(label, size) == same.number(label, size)
    assert 0 <= one.number(label, size) < size
    assert one.hexadecimal(label, 32) == same.hexadecimal(label, 32)
    assert one.hexadecimal(label, 32) != other.hexadecimal(label, 32)
    assert set(one.hexadecimal(label, 128)) <= set("0123456789abcdef")
    assert one.letters(label, 29) == same.letters(label, 29) != other.letters(label, 29)
    assert len(one.letters(label, 29)) == 29
    assert set(one.letters(label, 29)) <= set(ALPHABET)
    assert EPOCH <= one.created < EPOCH + YEAR


def test_identity_is_the_same_in_every_release() -> None:
    """A few names, written down: what a seed gave once it gives always."""
    one = Identity("key")
    assert (one.number("a", 1000), one.hexadecimal("a", 8), one.letters("a", 8), one.created) == (
        728, "a33e8d87", "nARLxOau", 1787980636,
    )  # fmt: skip


IDENTITY = Identity("key")


@pytest.mark.parametrize(
    ("server", "chunked", "headers"),
    [
        ("uvicorn", False, (("date", AUTO), ("server", "uvicorn"), ("content-length", AUTO), ("content-type", "a/b"))),
        ("uvicorn", True, (("date", AUTO), ("server", "uvicorn"), ("content-type", "a/b"), ("transfer-encoding", "chunked"))),
        ("envoy", False, (("content-length", AUTO), ("content-type", "a/b"), ("date", AUTO), ("server", "envoy"))),
    ],
)  # fmt: skip
def test_heads(server: str, chunked: bool, headers: tuple[tuple[str, str], ...]) -> None:
    """Each server has its headers in its order (uvicorn and Envoy 1.40.0, observed)."""
    assert make_head(server, 503, "a/b", IDENTITY, chunked=chunked) == Head(503, headers)


def test_only_envoy_leaves_bodies_unread() -> None:
    """Envoy answers before it has read a body and closes a second later (1.40.0, observed)."""
    unread = {name: kind.close_delay for name, kind in SERVERS.items() if kind.leaves_body_unread}
    assert unread == {"envoy": 1.0, "envoy-empty": 1.0, "istio": 1.0}
