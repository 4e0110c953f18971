"""Streams as vLLM sends them, recorded and played to the official SDKs: every object is equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockllm import MockLLM
from tests.record.asking import TOOL, chat, completion, heard, message, models, response
from tests.record.build import cassette, recording

MODEL = "llama-3-8b"
ASKS = {
    "stream": chat(MODEL, stream=True),
    "usage in each chunk": chat(
        MODEL,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"stream_options": {"include_usage": True, "continuous_usage_stats": True}},
    ),
    "log probabilities": chat(MODEL, stream=True, logprobs=True, top_logprobs=2),
    "two choices": chat(MODEL, stream=True, n=2),
    "tools": chat(MODEL, stream=True, tools=[TOOL]),
    "whole": chat(MODEL),
    "too long": chat(MODEL, max_tokens=-1),
    "completion": completion(MODEL),
    "response": response(MODEL),
    "message": message(MODEL),
    "models": models,
}
RECORDED = "mockllm: 1\nscript: {replay: c.yaml, strict: true}\n"


@pytest.mark.parametrize("script", ["canonical", "tools2", "reasoning60", "cjk60"])
@pytest.mark.parametrize("dialect", ["vllm", "openai"])
def test_the_sdks_hear_the_same(script: str, dialect: str, tmp_path: Path) -> None:
    """What the SDKs hear through the recorder and from the cassette, object by object."""
    profile = f"{{mockllm: 1, dialect: {dialect}, script: {script}, models: [{MODEL}]}}"
    with MockLLM(profile) as server, recording(server.url, tmp_path / "c.yaml") as url:
        live = heard(ASKS, url)
        direct = heard({"stream": ASKS["stream"]}, server.url)
    (tmp_path / "p.yaml").write_text(RECORDED, "utf-8")
    with MockLLM(tmp_path / "p.yaml") as again:
        assert heard(ASKS, again.url) == live
    assert len(live["stream"]) == len(direct["stream"])
    assert all(len(live[name]) > 5 for name in ("stream", "two choices"))
    assert all(one.recording.ending == "complete" for one in cassette(tmp_path / "c.yaml"))
    assert "sk-0123456789" not in (tmp_path / "c.yaml").read_text("utf-8")
