"""`vllm.metrics`: GET /metrics under the dialect `vllm`, as far as endpoint pickers read it.

Names, labels and help are those of vLLM's source (`vllm/v1/metrics/loggers.py`, documented); labels
come in the order of the alphabet, as Prometheus's client writes them. vLLM dropped
`vllm:gpu_cache_usage_perc`, the name before 0.9, and older pickers still read it.
`vllm:lora_requests_info` is that of a server without adapters (a capture of vLLM's V0 engine,
documented). The content type is that of KServe 0.21.0, with the same client (observed).

The requests are true: those with a prompt that are being answered at this moment under the profile.
With `pacing.load` those behind its slots wait; without it all are running. The cache is a model:
it has room for one request of the model's whole length (`account.context`, else 131072 tokens),
which is the least with which vLLM starts, and each running request takes the tokens of its prompt
and of its whole answer from its start on. More than the cache can hold is told as 1.
"""

from __future__ import annotations

from typing import ClassVar

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.heads import make_head
from mockllm.wires.openai_models import MAX_MODEL_LEN
from mockllm.wires.vllm_server import DIALECT, VllmWire
from mockllm.wires.wire import Setting

TEXT = "text/plain; version=0.0.4; charset=utf-8"
CACHE = "KV-cache usage. 1 means 100 percent usage."
NO_ADAPTERS = 'max_lora="0",running_lora_adapters="",waiting_lora_adapters=""'
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
"""What Prometheus's text form writes otherwise in the value of a label."""


class VllmMetrics(VllmWire):
    """GET /metrics."""

    name: ClassVar = "vllm.metrics"
    source: ClassVar = "vLLM's source and captures of its metrics (documented)."
    endpoints: ClassVar = (("GET", "/metrics"),)
    tells_busy: ClassVar = True

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The gauges in Prometheus's text form."""
        head = make_head(DIALECT, 200, TEXT, setting.identity)
        return (head, Frame(("body",), exposition(setting).encode()), End())


def exposition(setting: Setting) -> str:
    """The metrics of a server; like vLLM's, under the first of its models' names."""
    busy = setting.busy
    labels = f'engine="0",model_name="{setting.models[0].translate(ESCAPES)}"'
    used = min(1.0, busy.tokens / (setting.context or MAX_MODEL_LEN))
    gauges = (
        (
            "num_requests_running",
            "Number of requests in model execution batches.",
            labels,
            busy.running,
        ),
        (
            "num_requests_waiting",
            "Number of requests waiting to be processed.",
            labels,
            busy.waiting,
        ),
        ("kv_cache_usage_perc", CACHE, labels, used),
        (
            "gpu_cache_usage_perc",
            f"GPU {CACHE}DEPRECATED: Use vllm:kv_cache_usage_perc instead.",
            labels,
            used,
        ),
        ("lora_requests_info", "Running stats on lora requests.", NO_ADAPTERS, 1),
    )
    return "".join(gauge(*one) for one in gauges)


def gauge(name: str, about: str, labels: str, value: float) -> str:
    """One gauge with one series."""
    return (
        f"# HELP vllm:{name} {about}\n# TYPE vllm:{name} gauge\n"
        f"vllm:{name}{{{labels}}} {float(value)}\n"
    )
