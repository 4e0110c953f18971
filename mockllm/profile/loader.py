"""From a file's text to a profile, or to every problem it has."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from mockllm.cassettes import MAX_BYTES as MAX_CASSETTE
from mockllm.faults.values import expected, hint_for, spelled, tag_of
from mockllm.profile.extending import BY_NAME, Layers, Places, keys_of, merged, pairs
from mockllm.profile.models import Profile
from mockllm.profile.nodes import MAX_BYTES, Document, Key, read
from mockllm.profile.placeholders import unknown
from mockllm.profile.problems import Problem, ProfileError
from mockllm.shapes.answer import answers
from mockllm.shapes.shape import shapes


@dataclass(frozen=True, slots=True)
class Loaded:
    """A profile with its name and the text that it came from."""

    name: str
    profile: Profile
    text: str
    file: str
    places: Places | None = field(default=None, compare=False, repr=False)
    """Where its parts stand; None where it was made otherwise."""
    data: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """Its plain values, those that it inherits among them."""
    parent: Loaded | None = field(default=None, compare=False, repr=False)
    """The profile that it extends."""

    @property
    def family(self) -> tuple[Loaded, ...]:
        """The profile, what it extends, what that extends, …"""
        return (self, *(self.parent.family if self.parent else ()))

    @property
    def whole(self) -> str:
        """The text of a profile that says the same and extends no other."""
        if self.parent is None:
            return self.text
        return json.dumps(
            {k: v for k, v in self.data.items() if k != "extends"}, ensure_ascii=False
        )


Finder = Callable[[str], Loaded]
"""Reads the profile of a name; raises `LookupError` with what is to be said of the name."""


def load(
    text: str,
    *,
    name: str,
    file: str | None = None,
    folder: Path | None = None,
    find: Finder | None = None,
) -> Loaded:
    """Read a profile.

    Raises `ProfileError` with all problems of the text, or with those of a profile that it extends.
    `file` is how messages call it; `folder` is where the files lie that it may name, and without
    one it may name none; `find` reads what it extends, and without it it may extend none.
    """
    where = file or name
    document = read(text, where)
    problems = list(document.problems)
    parent = parent_of(document, find, problems)
    places: Places = document
    values = data = document.data
    if parent is not None and parent.places is not None:
        given = keys_of(parent.profile)
        order = {
            key: tuple(pairs(given, data, key))
            for key in BY_NAME
            if key in given and isinstance(data.get(key), list)
        }
        places = Layers(document, parent.places, parent.file, order)
        # Parts that are inherited have been read already, in the folder of their own file.
        values, data = merged(given, data), merged(parent.data, data)
    problems += [document.problem(loc, said) for loc, said in unknown(document.data, data)]
    try:
        known = {
            "shape": shapes(),
            "answer": answers(),
            "file": reader(folder),
            "cassette": reader(folder, MAX_CASSETTE),
        }
        profile = Profile.model_validate(values, context=known)
    except ValidationError as error:
        problems += [problem_of(places, d) for d in error.errors() if not follows(d)]
        raise ProfileError(where, problems) from None
    if problems:
        raise ProfileError(where, problems)
    return Loaded(name, profile, text, where, places, data, parent)


def parent_of(document: Document, find: Finder | None, problems: list[Problem]) -> Loaded | None:
    """The profile that a document extends; None for none, or where the name is a problem."""
    name = document.data.get("extends")
    if not isinstance(name, str):
        return None
    try:
        if find is None:
            raise LookupError("only a profile of a library may extend another")
        return find(name)
    except LookupError as error:
        problems.append(document.problem(("extends",), str(error)))
        return None


def reader(folder: Path | None, limit: int = MAX_BYTES) -> Callable[[str], str] | None:
    """What reads a text file of a profile's folder, of at most so many bytes, and none outside it."""
    if folder is None:
        return None

    def text_of(name: str) -> str:
        try:
            path = (folder / name).resolve()
            if not path.is_relative_to(folder.resolve()):
                raise expected("a file in the profile's own folder", name)
            if path.stat().st_size > limit:
                raise expected(f"a file of at most {limit} bytes", name)
            return path.read_text("utf-8")
        except PydanticCustomError:
            raise
        except OSError as error:
            raise expected("a file that can be read", name, error.strerror or "") from None
        except ValueError:
            raise expected("a file of UTF-8 text", name) from None

    return text_of


def follows(detail: ErrorDetails) -> bool:
    """Whether a refusal says nothing new: a list is too short because its items were refused."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def problem_of(places: Places, detail: ErrorDetails) -> Problem:
    """One refusal of the models, at its place in the file."""
    loc: tuple[Key, ...] = detail["loc"]
    kind = detail["type"]
    return places.problem(loc, message_of(detail), key=kind == "extra_forbidden")


def message_of(detail: ErrorDetails) -> str:
    """A refusal in the one form that all have: expected, got, what to do."""
    kind, loc, context = detail["type"], detail["loc"], detail.get("ctx", {})
    if kind == "expected":
        return str(context["message"])
    if kind == "missing":
        return f"expected the key '{loc[-1]}', got nothing"
    if kind == "extra_forbidden":
        known = sorted(set(keys_at(loc[:-1])))
        hint = hint_for([loc[-1]], known) or f"known keys: {', '.join(known)}"
        return f"unknown key '{loc[-1]}'; {hint}"
    wanted = {
        "literal_error": context.get("expected", ""),
        "greater_than_equal": f"a number of at least {context.get('ge')}",
        "greater_than": f"a number above {context.get('gt')}",
        "less_than_equal": f"a number of at most {context.get('le')}",
        "too_short": f"at least {context.get('min_length')} of them",
    }.get(kind)
    if wanted is None:
        wanted = next((words for start, words in TYPES.items() if kind.startswith(start)), None)
    if wanted is None:
        return f"{detail['msg']}, got {spelled(detail['input'])}"
    hint = hint_for([detail["input"]], ()) if kind == "literal_error" else ""
    return f"expected {wanted}, got {spelled(detail['input'])}" + (f"; {hint}" if hint else "")


TYPES = {
    "int": "a whole number",
    "float": "a number",
    "string": "a text",
    "bool": "true or false",
    "dict": "a mapping",
    "model": "a mapping",
    "list": "a list",
    "tuple": "a list",
}


def keys_at(loc: tuple[Key, ...]) -> Iterator[str]:
    """The keys that a mapping at this location may have."""
    for model in models_at(loc):
        for name, info in model.model_fields.items():
            yield info.alias or name


def models_at(loc: tuple[Key, ...]) -> set[type[BaseModel]]:
    """The models that may stand at a location, found by following the fields' types."""
    here: set[type[BaseModel]] = {Profile}
    for item in loc:
        if isinstance(item, int):
            continue
        if item.startswith("<"):
            tagged = {model for model in here if has_tag(model, item)}
            here = tagged or here
            continue
        fields = [
            info
            for model in here
            for name, info in model.model_fields.items()
            if item in (name, info.alias)
        ]
        if fields:
            here = {model for info in fields for model in models_in(info.annotation)}
    return here


def has_tag(model: type[BaseModel], tag: str) -> bool:
    """Whether a model is the one that a union's tag means; `<body>` has no key of its own."""
    return tag == "<body>" or tag_of(model) == tag


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model that a type mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from models_in(part)
