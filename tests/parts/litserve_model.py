"""A LitServe server that fails as a request says; run by the part's Python.

    python litserve_model.py PORT plain|openai PIECES

`PIECES` is a JSON list of texts, which the one with OpenAI's API says. LitServe looks at
annotations as they are, so they must not become texts.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import litserve
from fastapi import HTTPException, Request

_, PORT, KIND, PIECES = sys.argv


def fail(how: str) -> None:
    """Raise what is asked for, if anything."""
    if how == "value":
        raise ValueError("no such value")
    if how == "limited":
        raise HTTPException(429, "slow down", headers={"retry-after": "2"})
    if how == "mapping":
        raise HTTPException(418, {"code": "x", "message": "y"})


class Plain(litserve.LitAPI):  # type: ignore[misc]  # it has no types
    """Fails as the request's `how` says."""

    def setup(self, device: str) -> None:
        """Nothing to load."""

    def decode_request(self, request: Request) -> str:
        """How to fail; LitServe reads the body where it finds this annotation."""
        body: Any = request  # which it has parsed
        return str(body["how"])

    def predict(self, x: str) -> str:
        """Fail, or not."""
        fail(x)
        return x

    def encode_response(self, output: str) -> dict[str, str]:
        """The answer."""
        return {"output": output}


class Assistant(litserve.LitAPI):  # type: ignore[misc]
    """Says the pieces, or fails as the last message says."""

    def setup(self, device: str) -> None:
        """Nothing to load."""

    def predict(self, x: Any) -> Iterator[str]:
        """The pieces, one by one; an old release gives the messages, a new one the request."""
        messages = x if isinstance(x, list) else [one.model_dump() for one in x.messages]
        fail(messages[-1]["content"])
        yield from json.loads(PIECES)


def server() -> Any:
    """The server that is asked for; the newer one takes the specification with the API."""
    limits = {"accelerator": "cpu", "max_payload_size": 2000}
    if KIND == "plain":
        return litserve.LitServer(Plain(), **limits)
    try:
        return litserve.LitServer(Assistant(spec=litserve.OpenAISpec()), **limits)
    except TypeError:
        return litserve.LitServer(Assistant(), spec=litserve.OpenAISpec(), **limits)


if __name__ == "__main__":
    server().run(host="127.0.0.1", port=int(PORT), generate_client_file=False)
