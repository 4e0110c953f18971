"""JSON as bytes: values, texts, and templates whose places are filled again and again."""

from __future__ import annotations

import json
from typing import Any


def compact(value: Any) -> bytes:
    """JSON without spaces, in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def quoted(text: str) -> bytes:
    """A JSON string."""
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")


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


def in_order(value: Any) -> Any:
    """The same document with the keys of all of its objects in alphabetical order."""
    match value:
        case dict():
            return {key: in_order(value[key]) for key in sorted(value)}
        case list():
            return [in_order(one) for one in value]
        case _:
            return value
