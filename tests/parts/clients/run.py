"""The clients that are asked, and what each makes of a list of asks.

A library takes seconds to import, so one process makes all calls of a client.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tests.parts.installed import PARTS, STAMP, need
from tests.sdk.drive import Ask, Outcome

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent

GUARD = 240
"""Seconds after which a process is given up."""


@dataclass(frozen=True)
class Client:
    """One way to ask through one library."""

    part: str
    language: Literal["python", "node", "go", "java"]
    program: str = ""
    """The module in `python`, or the file in `node`; `drive` is tests/sdk/drive.py."""
    asynchronous: bool = False
    wire: Literal["chat", "messages"] = "chat"

    def command(self) -> list[str]:
        """What is run; it reads asks from stdin."""
        if self.language == "go":
            return [need(self.part)]
        if self.language == "java":
            return ["java", "-cp", f"{need(self.part)}/*", str(HERE / "java" / "Client.java")]
        if self.language == "node":
            need(self.part)
            return ["node", str(HERE / "node" / self.program), str(PARTS / self.part)]
        if self.program == "drive":
            return [need(self.part), "-m", "tests.sdk.drive"]
        return [need(self.part), "-m", f"tests.parts.clients.python.{self.program}"]

    def versions(self) -> str:
        """What is installed."""
        return (PARTS / self.part / STAMP).read_text("utf-8").splitlines()[1]

    def base(self, url: str, profile: str) -> str:
        """The base URL of a profile of a server, as this client wants it."""
        return f"{url}/p/{profile}" + ("" if self.wire == "messages" else "/v1")


CLIENTS = {
    "openai-python 0.27": Client("openai-0.27", "python", "openai_0"),
    "openai-python 0.27, aiohttp": Client("openai-0.27", "python", "openai_0", asynchronous=True),
    "openai-python": Client("openai", "python", "drive"),
    "openai-python, async": Client("openai", "python", "drive", asynchronous=True),
    "openai-node": Client("openai-node", "node", "openai.cjs"),
    "openai-go": Client("openai-go", "go"),
    "openai-java": Client("openai-java", "java"),
    "anthropic-python": Client("anthropic", "python", "anthropic", wire="messages"),
    "anthropic-python, async": Client(
        "anthropic", "python", "anthropic", asynchronous=True, wire="messages"
    ),
    "LiteLLM": Client("litellm", "python", "drive"),
    "LiteLLM, async": Client("litellm", "python", "drive", asynchronous=True),
    "langchain-openai": Client("langchain", "python", "langchain"),
    "langchain-openai, async": Client("langchain", "python", "langchain", asynchronous=True),
    "Vercel AI SDK": Client("ai-sdk", "node", "ai.cjs"),
}


def ask_all(client: Client, asks: Iterable[Ask]) -> list[Outcome]:
    """What one process of a client makes of each ask, in their order."""
    plain = {"PYTHONPATH", "PYTHONHOME", "OPENAI_BASE_URL", "OPENAI_API_KEY"}
    environment = {name: value for name, value in os.environ.items() if name not in plain}
    environment |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        client.command(),
        input=json.dumps([asdict(ask) for ask in asks]),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.strip().rpartition("\n")[2])
    # tests/sdk/drive.py gives a list of calls for each ask.
    return [Outcome(**(one[0] if isinstance(one, list) else one)) for one in found]
