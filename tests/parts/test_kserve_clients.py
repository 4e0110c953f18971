"""The official clients of KServe and Triton, against a real KServe and against mockllm."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import pytest

from mockllm import MockLLM
from tests.parts.driving import driven
from tests.parts.kserve_server import kserve
from tests.wires.kserve_requests import PROFILE

pytestmark = pytest.mark.parts("kserve")

COMMON = ("kserve", "triton")
"""The groups of calls that KServe and mockllm get alike; the last call of `triton` unloads."""

FAULTS = {
    "unavailable": "{fail: 503}",
    "reset": "{close: rst, at: head}",
    "hang": "{hang: forever}",
    "cut": "{close: fin, at: byte 20}",
    "broken": "{edit: {truncate: 20}, at: frame 1}",
}
READY = "Model with name m is not ready., '503 Service Unavailable' for url 'URL/p/unavailable"
CUT = "peer closed connection without sending complete message body (received 20 bytes, "
SAYS = {
    "v1 predict": {
        "unavailable": ("HTTPStatusError", f"{READY}/v1/models/m:predict'"),
        "reset": ("ReadError", ""),
        "hang": ("ReadTimeout", ""),
        "cut": ("RemoteProtocolError", CUT),
        "broken": ("JSONDecodeError", "unexpected end of data: line 1 column 21 (char 20)"),
    },
    "v2 infer": {
        "unavailable": ("HTTPStatusError", f"{READY}/v2/models/m/infer'"),
        "reset": ("ReadError", ""),
        "hang": ("ReadTimeout", ""),
        "cut": ("RemoteProtocolError", CUT),
        "broken": ("InvalidInput", "Unrecognized request format: unexpected end of data: line 1"),
    },
}
"""The exceptions of KServe's client, and how their texts begin."""

Outcomes = dict[str, dict[str, Any]]
"""What each call gave, by its group and name."""


class Both(NamedTuple):
    """The outcomes with the real server and with mockllm."""

    real: Outcomes
    mock: Outcomes


def drive(url: str, *groups: str) -> Outcomes:
    """The outcomes of groups of calls; the server's URL is written as URL."""
    said = driven("kserve", "kserve_drive.py", url, *groups)
    found: Outcomes = json.loads(re.sub(re.escape(url), "URL", said))
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The clients' calls to the real server and to mockllm, which loads and fails as well.

    The clients take seconds to import, so one process makes all calls to a server.
    """
    folder = tmp_path_factory.mktemp("profiles")
    for name, fault in FAULTS.items():
        text = f"mockllm: 1\nabout: {name}\nmodels: [m]\nfaults: [{fault}]\n"
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    with kserve(folder / "log") as real, MockLLM(PROFILE, profiles=folder) as mock:
        return Both(
            drive(f"http://127.0.0.1:{real.http}", *COMMON),
            drive(mock.url, "index", "faults", *COMMON),
        )


@pytest.mark.parametrize("group", COMMON)
def test_a_client_finds_no_difference(both: Both, group: str) -> None:
    """Every call returns, or raises and says, the same."""
    assert both.mock[group] == both.real[group]


@pytest.mark.parametrize("group", COMMON)
def test_the_calls_succeed_or_fail_as_they_should(both: Both, group: str) -> None:
    """The comparison is not one of servers that both refuse everything."""
    meant = re.compile("unknown|wrong|unloaded|version|of JSON")
    calls = both.real[group]
    failed = [name for name, found in calls.items() if isinstance(found, dict) and "error" in found]
    assert [name for name in failed if not meant.search(name)] == []
    assert 0 < len(failed) < len(calls) / 2


def test_index(both: Both) -> None:
    """Triton's client lists the models and sees one go and come."""
    ready = [{"name": "m", "state": "Ready", "reason": ""}]
    gone = [{"name": "m", "state": "NotReady", "reason": ""}]
    assert both.mock["index"] == {
        "index": ready,
        "unload": None,
        "index, unloaded": gone,
        "load": None,
        "index, loaded": ready,
    }


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("protocol", SAYS)
def test_faults(both: Both, protocol: str, kind: str) -> None:
    """A fault reaches the caller as an exception of its kind, never as an answer."""
    error, says = SAYS[protocol][kind]
    found = both.mock["faults"][f"kserve {protocol}, {kind}"]
    assert found["error"] == error
    assert found["says"].startswith(says)
