"""A folder of parts is read without a list of them."""

from __future__ import annotations

import mockllm.matchers
from mockllm.matchers.matcher import Matcher
from mockllm.matchers.model import Model
from mockllm.timeline.registry import modules, subclasses


def test_modules_by_name() -> None:
    """Every module of a package comes once, in the order of names."""
    names = [module.__name__ for module in modules(mockllm.matchers)]
    assert "mockllm.matchers.model" in names
    assert names == sorted(set(names))


def test_subclasses_that_can_be_made() -> None:
    """Each class comes once, from the file that defines it; abstract bases do not come."""
    found = list(subclasses(mockllm.matchers, Matcher))  # type: ignore[type-abstract]
    assert Model in found
    assert len(found) == len(set(found))
    assert not {"Matcher", "Globs"}.intersection(one.__name__ for one in found)
