"""A LitServe server whose `predict` asks an LLM through OpenAI's SDK; run by the part's Python.

    python litserve_api.py PORT UPSTREAM PID-FILE

The file gets the id of the process that runs `predict`. Nothing else is said to LitServe or the SDK
than what they need: retries and timeouts are their defaults.
"""

import os
import sys
from pathlib import Path
from typing import Any

import litserve
from fastapi import Request
from openai import OpenAI

_, PORT, UPSTREAM, PID_FILE = sys.argv


class Assistant(litserve.LitAPI):  # type: ignore[misc]  # it has no types
    """Passes a question on, and the answer back."""

    def setup(self, device: str) -> None:
        """Make the client, in the process that predicts."""
        self.client = OpenAI(base_url=UPSTREAM, api_key="mockllm-not-a-key")
        Path(PID_FILE).write_text(str(os.getpid()), "utf-8")

    def decode_request(self, request: Request) -> str:
        """The question; LitServe reads the body where it finds this annotation."""
        body: Any = request  # which it has parsed
        return str(body["question"])

    def predict(self, x: str) -> str | None:
        """Ask the LLM; what the SDK raises goes on to LitServe."""
        answer = self.client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": x}]
        )
        return answer.choices[0].message.content

    def encode_response(self, output: str) -> dict[str, str]:
        """The answer."""
        return {"answer": output}


if __name__ == "__main__":
    server = litserve.LitServer(Assistant(), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(PORT), generate_client_file=False)
