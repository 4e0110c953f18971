"""Paths into a JSON document: `choices.0.delta.content`, where `*` is any key or index."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

INDEX = re.compile(r"-?[0-9]+")


def keys_of(document: Any, part: str) -> Iterator[str | int]:
    """The keys or indexes of a document that one part of a path means."""
    match document:
        case dict():
            yield from (list(document) if part == "*" else [part] if part in document else [])
        case list():
            if part == "*":
                yield from range(len(document))
            elif INDEX.fullmatch(part) and -len(document) <= int(part) < len(document):
                yield int(part) % len(document)


def without(document: Any, path: Sequence[str]) -> Any:
    """The document without what the path means; a path that leads nowhere changes nothing."""
    keys = list(keys_of(document, path[0]))
    if len(path) > 1:
        return changed(document, {key: without(document[key], path[1:]) for key in keys})
    if isinstance(document, dict):
        return {key: value for key, value in document.items() if key not in keys}
    if isinstance(document, list):
        return [value for index, value in enumerate(document) if index not in keys]
    return document


def put(document: Any, path: Sequence[str], value: Any) -> Any:
    """The document with a value where the path leads; mappings on the way are made."""
    if not path:
        return value
    keys = list(keys_of(document, path[0]))
    if not keys and isinstance(document, dict) and path[0] != "*":
        return document | {path[0]: put({}, path[1:], value)}
    return changed(document, {key: put(document[key], path[1:], value) for key in keys})


def changed(document: Any, new: dict[str | int, Any]) -> Any:
    """A mapping or list with other values under some of its keys."""
    if isinstance(document, dict):
        return {key: new.get(key, value) for key, value in document.items()}
    if isinstance(document, list):
        return [new.get(index, value) for index, value in enumerate(document)]
    return document
