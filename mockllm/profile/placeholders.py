"""The placeholders of the language: a closed list, checked when a profile is read.

A placeholder that nobody fills in would reach the client as it stands, and nobody would notice.
Templates of scripts have placeholders of their own, Faker's; they are not looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Key = str | int

PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
KNOWN = re.compile(
    r"\s*(?:now(?:\s*\+\s*(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+)?|self|listener\s+(?P<name>[\w-]+)|n(?:\+\d+)?)\s*"
)
LIST = "{{now}}, {{now+2s}}, {{self}}, {{listener NAME}}, {{n}}, {{n+21}}"


def texts(
    part: Any, loc: tuple[Key, ...], *, inside: bool = False
) -> Iterator[tuple[str, tuple[Key, ...]]]:
    """Every text of the faults of a profile, with its place."""
    match part:
        case dict():
            for key, value in part.items():
                yield from texts(value, (*loc, key), inside=inside or key == "faults")
        case list():
            for index, value in enumerate(part):
                yield from texts(value, (*loc, index), inside=inside)
        case str() if inside:
            yield part, loc


def unknown(data: Any, whole: Any) -> Iterator[tuple[tuple[Key, ...], str]]:
    """The places of placeholders that are not of the list, and what to say of each.

    `whole` is the profile with what it inherits, whose listeners may be named.
    """
    listeners = whole.get("listeners") if isinstance(whole, dict) else None
    names = [
        str(one["name"])
        for one in (listeners if isinstance(listeners, list) else ())
        if isinstance(one, dict) and "name" in one
    ]
    for text, loc in texts(data, ()):
        for found in PLACEHOLDER.finditer(text):
            known = KNOWN.fullmatch(found[1])
            if known is None:
                yield loc, f"expected a placeholder of the list ({LIST}), got '{found[0]}'"
            elif known["name"] is not None and known["name"] not in names:
                listed = ", ".join(names) or "none"
                yield loc, f"expected the name of a listener ({listed}), got '{known['name']}'"
