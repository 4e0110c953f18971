"""What a start costs, held by what is imported, read and built, not by a clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.server.raw import GUARD

PROGRAM = """
import json, os, signal, sys, threading, urllib.request
read, asked = [], []
sys.addaudithook(lambda event, args: event == "open" and read.append(str(args[0])))

def ask(url):
    body = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]})
    request = urllib.request.Request(
        url + "/v1/chat/completions", body.encode(), {"content-type": "application/json"}
    )
    asked.append(urllib.request.urlopen(request).status)
    os.kill(os.getpid(), signal.SIGTERM)

class Out:
    def write(self, text):
        if text.startswith("http"):
            threading.Thread(target=ask, args=(text.strip(),), daemon=True).start()
    def flush(self):
        pass

out, sys.stdout = sys.stdout, Out()
sys.argv = ["mockllm", "serve", "--port", "0", "--print-url", "--speed", "1000"]
from mockllm.entry import main
try:
    main()
except SystemExit as end:
    from mockllm.faults.often import Often
    def kinds(base):
        for kind in base.__subclasses__():
            yield kind
            yield from kinds(kind)
    built = sorted(kind.__name__ for kind in kinds(Often) if kind.__pydantic_complete__)
    read = [name for name in read if not name.endswith((".py", ".pyc", ".so"))]
    facts = {"exit": end.code, "asked": asked, "modules": sorted(sys.modules), "read": read}
    print(json.dumps(facts | {"built": built}), file=out)
"""
"""`mockllm serve` that is asked once and then ended; it prints what it took."""

LATER = (
    "faker",
    "google.protobuf",
    "h2",
    "jsonschema",
    "mockllm.cassettes.cassette",
    "mockllm.cassettes.playing",
    "mockllm.cassettes.reading",
    "mockllm.drill",
    "mockllm.engine.findings",
    "mockllm.engine.judge",
    "mockllm.engine.warnings",
    "mockllm.profile.catalogue",
    "mockllm.profile.reference",
    "mockllm.profile.schema",
    "mockllm.record",
    "mockllm.server.admin_kit",
    "mockllm.server.grpc",
    "multiprocessing",
    "rich",
    "trustme",
)
"""What a server does not need before it is first used."""


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """What a server took that answered one call."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MOCKLLM_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=GUARD, env=clean
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["exit"], found["asked"]) == (0, [200])
    return found


def test_a_server_imports_what_every_server_needs(facts: dict[str, Any]) -> None:
    """Clients, drills, judges, cassettes and gRPC come when they are first used."""
    modules = set(facts["modules"])
    assert "mockllm.server.serve" in modules
    assert [name for name in LATER if name in modules] == []


def test_a_server_reads_one_profile(facts: dict[str, Any]) -> None:
    """Of all the profiles, shapes and answers that ship, only the profile that is served is read."""
    read = {Path(name).name for name in facts["read"] if name.endswith((".yaml", ".yml"))}
    assert read == {"default.yaml"}


def test_a_server_looks_for_plugins_once(facts: dict[str, Any]) -> None:
    """What each distribution adds is read once here, and once by pydantic for its own plugins."""
    times = Counter(name for name in facts["read"] if name.endswith("entry_points.txt"))
    assert times
    assert max(times.values()) <= 2


def test_a_server_builds_no_fault_that_the_profile_lacks(facts: dict[str, Any]) -> None:
    """The models of faults are part of the profile's; none is also built for itself."""
    assert facts["built"] == []
