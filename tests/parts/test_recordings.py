"""Real servers, recorded, and played again to the official clients: they find no difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockllm import MockLLM
from tests.parts.kserve_server import kserve
from tests.parts.litellm_server import litellm
from tests.parts.test_kserve_clients import COMMON, drive
from tests.record.asking import TOOL, chat, heard, models
from tests.record.build import cassette, recording

ASKS = {
    "stream": chat("healthy", stream=True, stream_options={"include_usage": True}),
    "tools": chat("tools", stream=True, tools=[TOOL]),
    "whole": chat("healthy"),
    "limited": chat("limited"),
    "cut": chat("cut", stream=True),
    "unknown": chat("nobody"),
    "models": models,
}
FAULTS = {
    "healthy": "",
    "tools": "script: tools2",
    "limited": "faults: [{fail: 429}]",
    "cut": "faults: [{reset: }]",
}
"""What the upstream of each of the proxy's models does."""


def replayed(folder: Path) -> Path:
    """A profile that plays the cassette beside it, to the same requests alone."""
    profile = folder / "p.yaml"
    profile.write_text("mockllm: 1\nscript: {replay: c.yaml, strict: true}\n", "utf-8")
    return profile


@pytest.mark.parts("litellm-proxy")
def test_litellm(tmp_path: Path) -> None:
    """The proxy of LiteLLM: streams, tools, errors of its upstreams and of its own."""
    upstreams = tmp_path / "upstreams"
    upstreams.mkdir()
    for name, text in FAULTS.items():
        whole = f"mockllm: 1\nabout: One upstream, {name}.\n{text}\n"
        (upstreams / f"up-{name}.yaml").write_text(whole, "utf-8")
    out = tmp_path / "c.yaml"
    with MockLLM(profiles=upstreams) as server:
        configuration = {
            "model_list": [
                {
                    "model_name": name,
                    "litellm_params": {
                        "model": "openai/x",
                        "api_key": "none",
                        "api_base": f"{server.url}/p/up-{name}/v1",
                        "max_retries": 0,
                    },
                }
                for name in FAULTS
            ],
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        }
        with (
            litellm(tmp_path, configuration) as port,
            recording(f"http://127.0.0.1:{port}", out) as url,
        ):
            live = heard(ASKS, url)
    with MockLLM(replayed(tmp_path)) as again:
        assert heard(ASKS, again.url) == live
    assert [len(live[name]) for name in ("whole", "limited", "unknown")] == [1, 1, 1]
    assert live["limited"][0][0] == 429
    assert len(live["stream"]) > 60
    assert "get_weather" in "".join(live["tools"])
    assert len(cassette(out).exchanges) == len(ASKS)


@pytest.mark.parts("kserve")
def test_kserve(tmp_path: Path) -> None:
    """A model server of KServe: V1 and V2, tensors in JSON and in bytes, errors, the repository."""
    out = tmp_path / "c.yaml"
    with (
        kserve(tmp_path / "log") as real,
        recording(f"http://127.0.0.1:{real.http}", out) as url,
    ):
        live = drive(url, *COMMON)
    with MockLLM(replayed(tmp_path)) as again:
        assert drive(again.url, *COMMON) == live
    endings = [one.recording.ending for one in cassette(out)]
    assert len(endings) > 30
    # The clients look at some heads alone, and may leave before the body.
    assert set(endings) <= {"complete", "open"}
