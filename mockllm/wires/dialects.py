"""Dialects: how different servers speak one API.

A wire is an API; vLLM, KServe and Azure all serve OpenAI's, each with headers, fields and errors of
its own. A profile chooses with `dialect: vllm`; without a word the wire takes the one that the path
belongs to, else its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of server speaks. A wire reads what concerns it."""

    name: str
    about: str
    server: str
    """Whose headers it sends (`heads.SERVERS`)."""
    shape: str
    """The shape of its errors."""


DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect("openai", "OpenAI's API.", "openai", "openai"),
        Dialect("kserve", "KServe's model server.", "uvicorn", "kserve-openai"),
    )
}
