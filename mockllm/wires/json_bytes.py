"""JSON as bytes: values, texts, and templates whose places are filled again and again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once, because making it takes longer than a short text."""


def compact(value: Any) -> bytes:
    """JSON without spaces, in UTF-8."""
    return ENCODE(value).encode("utf-8", "replace")


def quoted(text: str) -> bytes:
    """A JSON string."""
    return ENCODE(text).encode("utf-8", "replace")


def without(document: Mapping[str, Any], key: str) -> str:
    """What tells two documents apart that may differ at one key: 1 is not 1.0, and not true. Not JSON,
    but a fifth of the time that takes. Raises `RecursionError` for what is too deep."""
    return repr({name: value for name, value in document.items() if name != key})


def place(name: str) -> str:
    """What stands in a document for JSON that is filled in later (`template`)."""
    return f"\ue000mockllm {name}\ue001"


def template(document: Any, *names: str) -> bytes:
    """The JSON of a document, to be filled in with `%`: `template(…, "text") % {b"text": b'"a"'}`.

    A stream says the same document many times, and only a text in it differs.
    """
    data = compact(document).replace(b"%", b"%%")
    for name in names:
        data = data.replace(compact(place(name)), b"%%(%b)b" % name.encode())
    return data


def around(form: bytes, name: bytes, values: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    """What stands before and behind a place of a template, all others filled in."""
    # JSON has no zero byte: it would be escaped.
    before, _, behind = (form % {**values, name: b"\0"}).partition(b"\0")
    return before, behind


def in_order(value: Any) -> Any:
    """The same document with the keys of all of its objects in alphabetical order."""
    match value:
        case dict():
            return {key: in_order(value[key]) for key in sorted(value)}
        case list():
            return [in_order(one) for one in value]
        case _:
            return value
