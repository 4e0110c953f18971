"""mockllm: a mock LLM server that fails on purpose, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockllm.api import MockLLM as MockLLM
    from mockllm.scripts.tools import tool as tool

__version__ = "0.1.0"
__all__ = ["MockLLM", "__version__", "tool"]

PLACES = {"MockLLM": "mockllm.api", "tool": "mockllm.scripts.tools"}


def __getattr__(name: str) -> Any:
    # Lazy, so that `mockllm healthcheck` and pytest's start do not pay for aiohttp.
    if name in PLACES:
        from importlib import import_module

        return getattr(import_module(PLACES[name]), name)
    raise AttributeError(f"module 'mockllm' has no attribute '{name}'")
