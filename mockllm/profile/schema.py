"""The JSON Schema of the language, for editors."""

from __future__ import annotations

import json
from typing import Any

from mockllm.profile.models import Profile
from mockllm.shapes.answer import answers
from mockllm.shapes.shape import shapes


def schema() -> dict[str, Any]:
    """The schema of a profile, with the names that shapes, answers and scripts have today."""
    made = Profile.model_json_schema()
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "mockllm profile"
    named: dict[str, Any] = completed(made)
    return named


def completed(part: Any) -> Any:
    """The schema with enumerations where a name is meant."""
    names = {"shape": sorted(shapes()), "answer": sorted(answers())}
    match part:
        case {"x-names": kind, **rest}:
            return {**completed(rest), "examples": names[kind]}
        case dict():
            return {key: completed(value) for key, value in part.items()}
        case list():
            return [completed(value) for value in part]
        case _:
            return part


def text() -> str:
    """The schema as a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
