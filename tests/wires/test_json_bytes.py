"""JSON as bytes, and templates of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.wires.json_bytes import compact, in_order, place, quoted, template

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(document=st.dictionaries(st.text(), JSON, max_size=3), text=st.text(), value=JSON)
def test_a_template_says_what_a_document_would(
    document: dict[str, Any], text: str, value: Any
) -> None:
    """Filled in, it is the document with these values in their places, whatever they hold."""
    form = template(
        {"rest": document, "text": place("text"), "list": [place("value")]}, "text", "value"
    )
    filled = form % {b"text": quoted(text), b"value": compact(value)}
    assert filled == compact({"rest": document, "text": text, "list": [value]})


def test_a_percent_sign_stays() -> None:
    """What looks like a place of `%` in a document is none."""
    assert template({"a": "100%(text)s", "b": place("text")}, "text") % {b"text": b"1"} == (
        b'{"a":"100%(text)s","b":1}'
    )


@pytest.mark.parametrize("text", ['"\n', "😀", "\ud800"])
def test_any_text_is_json(text: str) -> None:
    """Quotes, controls, emoji and lone surrogates make valid JSON in UTF-8."""
    assert json.loads(quoted(text)) == text.replace("\ud800", "?")
    assert compact([text]) == b"[" + quoted(text) + b"]"


def test_in_order() -> None:
    """The keys of every object are sorted; lists stay as they are."""
    found = in_order({"b": [{"d": 1, "c": [2, 1]}], "a": None})
    assert compact(found) == b'{"a":null,"b":[{"c":[2,1],"d":1}]}'
