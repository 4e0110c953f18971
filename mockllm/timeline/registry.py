"""How a folder of parts is read: every module of a package, so that a new file is enough.

Other distributions add parts through entry points: the group has the name of the package
(`mockllm.matchers`, `mockllm.scripts`, `mockllm.shapes`, …), each entry names a module or package
of parts, which is read as one of the folder's own.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from inspect import isabstract
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


class PluginError(ImportError):
    """A part of another distribution cannot be used; the message names entry and distribution."""


@cache
def added() -> dict[str, tuple[EntryPoint, ...]]:
    """What other distributions add to anything, by group: a file of each is read for it, so that is
    done once in a process."""
    every = entry_points()
    return {group: tuple(every.select(group=group)) for group in every.groups}


def plugins(group: str) -> Iterator[ModuleType]:
    """The modules that other distributions add to a group, in the order of their entries' names."""
    for entry in sorted(added().get(group, ()), key=lambda entry: (entry.name, entry.value)):
        where = f"the entry point {entry.name} = {entry.value} of {entry.dist and entry.dist.name}"
        try:
            found = entry.load()
        except Exception as error:
            raise PluginError(f"{where} ({group}) cannot be loaded: {error}") from error
        if not isinstance(found, ModuleType):
            raise PluginError(f"{where} ({group}) is not a module")
        yield found


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Every module of a package in the order of their names, then those of other distributions."""
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        yield importlib.import_module(f"{package.__name__}.{found.name}")
    yield from plugins(package.__name__)


def folders(group: str) -> Iterator[Traversable]:
    """The folders of the packages that other distributions add to a group."""
    for module in plugins(group):
        if not hasattr(module, "__path__"):
            raise PluginError(f"{module.__name__} ({group}) is no package, so it has no folder")
        yield files(module)


def refuse_twins(parts: Iterable[T], name: Callable[[T], str]) -> tuple[T, ...]:
    """The parts, of which no two may have one name."""
    known: dict[str, T] = {}
    for part in parts:
        other = known.setdefault(name(part), part)
        if other is not part:
            raise PluginError(f"two parts are named {name(part)}: {other!r} and {part!r}")
    return tuple(known.values())


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
