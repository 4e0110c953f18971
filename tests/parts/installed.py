"""Where the real parts are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PARTS = Path(__file__).parents[2] / ".parts"

PROGRAMS = {
    "ai-sdk": PARTS / "ai-sdk/node_modules/ai/package.json",
    "aimock": PARTS / "aimock/node_modules/@copilotkit/aimock/dist/cli.js",
    "anthropic": PARTS / "anthropic/bin/python",
    "build": PARTS / "build/bin/python",
    "chromium": PARTS / "chromium/run",
    "envoy": PARTS / "envoy/bin/envoy",
    "guidellm": PARTS / "guidellm/bin/python",
    "haproxy": PARTS / "haproxy/run",
    "kserve": PARTS / "kserve/bin/python",
    "langchain": PARTS / "langchain/bin/python",
    "litellm": PARTS / "litellm/bin/python",
    "litellm-1.64": PARTS / "litellm-1.64/bin/python",
    "litellm-otel": PARTS / "litellm-otel/bin/python",
    "litellm-proxy": PARTS / "litellm-proxy/bin/python",
    "litserve": PARTS / "litserve/bin/python",
    "litserve-0.2.5": PARTS / "litserve-0.2.5/bin/python",
    "llmock": PARTS / "llmock/bin/python",
    "llmsim": PARTS / "llmsim/bin/llmsim",
    "nginx": PARTS / "nginx/run",
    "openai": PARTS / "openai/bin/python",
    "openai-0.27": PARTS / "openai-0.27/bin/python",
    "openai-go": PARTS / "openai-go/client",
    "openai-java": PARTS / "openai-java/lib",
    "openai-node": PARTS / "openai-node/node_modules/openai/package.json",
    "playwright": PARTS / "playwright/bin/python",
    "portkey": PARTS / "portkey/node_modules/.bin/gateway",
    "python3.13": PARTS / "python3.13/bin/python",
    "vidaimock": PARTS / "vidaimock/bin/vidaimock",
    "wrk": PARTS / "wrk/run",
}
"""The program that a test starts, or the file that it reads; a part that is not here is looked for on PATH."""

STAMP = "installed.txt"
"""What `.ci/parts` writes last into a part's folder."""


def program(name: str) -> Path | None:
    """The program of a part, where it is installed."""
    path = PROGRAMS.get(name)
    if path is None:
        found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        return Path(found) if found else None
    return path if path.exists() and (PARTS / name / STAMP).exists() else None


def missing(name: str) -> bool:
    """Whether a part is not there."""
    return program(name) is None


def need(name: str) -> str:
    """The program of a part; the test's mark has seen that it is there."""
    path = program(name)
    assert path is not None, f"{name} is missing, and the test is not marked parts('{name}')"
    return str(path)
