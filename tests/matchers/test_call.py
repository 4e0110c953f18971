"""A request as matchers see it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.matchers.call import Call, fingerprint_of


def call(*headers: tuple[str, str], body: bytes = b"{}") -> Call:
    """A call with these headers."""
    return Call("POST", "/v1/chat/completions", headers=headers, body=body)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ((), None),
        ((("Authorization", "Bearer a"),), "a"),
        ((("authorization", "bearer  a "),), "a"),
        ((("Authorization", "Basic a"),), None),
        ((("Authorization", "Bearer "),), None),
        ((("Authorization", "Basic a"), ("X-API-Key", "b")), "b"),
        ((("Authorization", "Bearer a"), ("x-api-key", "b")), "a"),
        ((("api-key", "c"),), "c"),
        ((("api-key", "c"), ("x-api-key", "b")), "b"),
    ],
)
def test_key(headers: tuple[tuple[str, str], ...], key: str | None) -> None:
    """The API key is the bearer token, else `x-api-key`, else `api-key`."""
    assert call(*headers).key == key


def test_first_header() -> None:
    """The first header of a name is found, whatever its case."""
    found = call(("X-A", "1"), ("x-a", "2"))
    assert (found.header("x-A"), found.header("x-b")) == ("1", None)


def test_fingerprint_is_of_method_path_and_body() -> None:
    """A retry has the same fingerprint; another method, path or byte of the body another one."""
    one = call(body=b'{"a": 1}')
    retry = replace(one, headers=(("x-stainless-retry-count", "1"),), session="s", query="x=1")
    others = [
        replace(one, method="PUT"),
        replace(one, path="/v1"),
        replace(one, body=b'{"a":1}'),
        # the same bytes, divided in another way
        replace(one, method="POST/", path=one.path[1:]),
    ]
    assert retry.fingerprint == one.fingerprint
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_a_body_is_read_once_for_its_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many copies of a call are made and asked."""
    asked: list[bytes] = []

    def watched(method: str, path: str, body: bytes) -> str:
        asked.append(body)
        return fingerprint_of(method, path, body)

    monkeypatch.setattr("mockllm.matchers.call.fingerprint_of", watched)
    one = call(body=b"{}")
    copies = [one, replace(one, attempt=2), replace(one, model="m", session="s")]
    assert len({copy.fingerprint for copy in copies}) == 1
    assert asked == [b"{}"]


@given(st.binary(max_size=20))
def test_any_bytes_have_a_fingerprint(data: bytes) -> None:
    """Bytes of a path that are no UTF-8 reach us as lone surrogates, and count as themselves."""
    path = "/" + data.decode("utf-8", "surrogateescape")
    assert Call("GET", path).fingerprint == Call("GET", path).fingerprint
    assert Call("GET", path).fingerprint != Call("GET", path + "x").fingerprint
