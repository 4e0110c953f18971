"""The data files of shapes and answers: this folder's and those that other distributions add.

A file is read when something of it is asked for: there are hundreds of answers, and a server that
starts needs few of them or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import yaml

from mockllm.timeline.registry import folders, refuse_twins

T = TypeVar("T")

ANSWERS = ".answers"
"""Ends the name of a file of answers."""
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's loader in C, where it was built; it is ten times as fast."""


@cache
def documents() -> Mapping[str, Traversable]:
    """The data files by name without `.yaml`."""
    found = [
        (item.name.removesuffix(".yaml"), item)
        for folder in (files("mockllm.shapes"), *folders("mockllm.shapes"))
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".yaml")
    ]
    return dict(refuse_twins(found, lambda one: one[0]))


def read(name: str) -> Any:
    """What a data file holds."""
    return yaml.load(documents()[name].read_text("utf-8"), Loader=LOADER)  # noqa: S506  both are safe


class Named(Mapping[str, T]):
    """Values by name, each made when it is asked for."""

    def __init__(self, names: Callable[[], Iterator[str]], make: Callable[[str], T]) -> None:
        self._names = names
        self._make = cache(make)

    def __getitem__(self, name: str) -> T:
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return self._names()

    def __len__(self) -> int:
        return sum(1 for _ in self)
