"""What vLLM's metrics tell endpoint pickers, to the letter."""

from __future__ import annotations

import pytest

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Frame, Head
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.identity import Identity
from mockllm.wires.vllm_metrics import VllmMetrics, exposition
from mockllm.wires.wire import IDLE, Busy, Setting


def setting(model: str = "tiny", busy: Busy = IDLE, context: int | None = None) -> Setting:
    """A server under this load."""
    names = (model, "other")
    return Setting(Identity("key"), names, DIALECTS["vllm"], context=context, busy=busy)


def test_the_whole_text() -> None:
    """Names, labels and help as vLLM's source has them; the numbers are those of the setting."""
    head, frame, _ = VllmMetrics().answer(
        Call("GET", "/metrics"), Script(()), setting(busy=Busy(3, 2, 32768))
    )
    assert isinstance(head, Head)
    assert (head.status, head.get("content-type")) == (
        200,
        "text/plain; version=0.0.4; charset=utf-8",
    )
    assert isinstance(frame, Frame)
    assert frame.data.decode() == (
        "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
        "# TYPE vllm:num_requests_running gauge\n"
        'vllm:num_requests_running{engine="0",model_name="tiny"} 3.0\n'
        "# HELP vllm:num_requests_waiting Number of requests waiting to be processed.\n"
        "# TYPE vllm:num_requests_waiting gauge\n"
        'vllm:num_requests_waiting{engine="0",model_name="tiny"} 2.0\n'
        "# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.\n"
        "# TYPE vllm:kv_cache_usage_perc gauge\n"
        'vllm:kv_cache_usage_perc{engine="0",model_name="tiny"} 0.25\n'
        "# HELP vllm:gpu_cache_usage_perc GPU KV-cache usage. 1 means 100 percent usage."
        "DEPRECATED: Use vllm:kv_cache_usage_perc instead.\n"
        "# TYPE vllm:gpu_cache_usage_perc gauge\n"
        'vllm:gpu_cache_usage_perc{engine="0",model_name="tiny"} 0.25\n'
        "# HELP vllm:lora_requests_info Running stats on lora requests.\n"
        "# TYPE vllm:lora_requests_info gauge\n"
        'vllm:lora_requests_info{max_lora="0",running_lora_adapters="",waiting_lora_adapters=""} 1.0\n'
    )


@pytest.mark.parametrize(("tokens", "usage"), [(0, "0.0"), (50, "0.5"), (100, "1.0"), (101, "1.0")])
def test_the_cache_holds_the_context(tokens: int, usage: str) -> None:
    """It is full with as many tokens as a request may have, and never more than full."""
    text = exposition(setting(busy=Busy(1, 0, tokens), context=100))
    assert f'vllm:kv_cache_usage_perc{{engine="0",model_name="tiny"}} {usage}\n' in text


def test_names_that_need_escapes() -> None:
    """Quotes, backslashes and line ends in a model's name do not end the label."""
    assert 'model_name="a\\"b\\\\c\\n"} 0.0\n' in exposition(setting('a"b\\c\n'))
