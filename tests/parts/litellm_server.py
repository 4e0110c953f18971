"""A real proxy of LiteLLM for tests."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.parts.answers import free_port, running
from tests.parts.installed import need


@contextmanager
def litellm(folder: Path, configuration: Mapping[str, object]) -> Iterator[int]:
    """The port of a proxy with a configuration, which is JSON and so YAML; its log is in the folder."""
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NO_PROXY": "*",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    program = Path(need("litellm-proxy")).with_name("litellm")
    config, port = folder / "config.yaml", free_port()
    config.write_text(json.dumps(configuration), "utf-8")
    command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    with running(command, port, folder / "log", **settings):
        yield port
