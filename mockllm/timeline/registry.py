"""How a folder of parts is read: every module of a package, so that a new file is enough."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from inspect import isabstract
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Every module of a package, in the order of their names."""
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        yield importlib.import_module(f"{package.__name__}.{found.name}")


def subclasses(package: ModuleType, base: type[T]) -> Iterator[type[T]]:
    """Every class of a package that can be made and is of the given kind, once."""
    for module in modules(package):
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, base)
                and value.__module__ == module.__name__
                and not isabstract(value)
            ):
                yield value
