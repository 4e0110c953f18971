"""The pages of the stories: their pictures, incidents and examples; the runs are in `tests/parts`.

What the incidents put on the wire is compared in `tests/incidents`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import openai
import pytest

from mockllm import MockLLM
from mockllm.profile.library import Library
from tests.incidents.test_oracle import ENTRIES
from tests.server.raw import GUARD
from tests.stories.page import STORIES, table
from tests.stories.picture import Bar, svg

PAGES = {path.stem: path.read_text("utf-8") for path in sorted(STORIES.glob("*.md"))}
INCIDENTS = {
    "kserve": "kserve-two-error-schemas",
    "langfuse": "litellm-langfuse-break-early",
    "litserve": "litserve-no-healthy-upstream",
    "timeouts": "openai-stream-hang-600s",
}


def test_every_story_has_its_page() -> None:
    """And no page is without a story."""
    assert [*PAGES] == [*INCIDENTS]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_its_incident(page: str) -> None:
    """The profile is shipped, and its bytes are compared with the oracle."""
    incident = INCIDENTS[page]
    assert incident in PAGES[page]
    assert Library().find(incident).name == incident
    assert incident in ENTRIES


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_what_a_run_wrote(page: str) -> None:
    """Every table is there, and the picture shows bars."""
    for mark in re.findall(r"<!-- (?:measured|passed)\S* -->\n(.?)", PAGES[page]):
        assert mark == "|"
    assert f"]({page}.svg)" in PAGES[page]
    picture = ElementTree.parse(STORIES / f"{page}.svg")
    assert len(picture.findall("{http://www.w3.org/2000/svg}rect")) > 2


@pytest.fixture
def reason() -> Callable[[bytes], str]:
    """The client of KServe's page."""
    (code,) = re.findall(r"<!-- client -->\n```python\n(.*?)```", PAGES["kserve"], re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "kserve.md", "exec"), names)
    found: Callable[[bytes], str] = names["reason"]
    return found


def test_the_client_reads_both_shapes_of_the_incident(reason: Callable[[bytes], str]) -> None:
    """One message from two bodies, without what is around it."""
    with MockLLM("kserve-two-error-schemas") as server:
        address = urlsplit(server.url)
        said = []
        for _ in range(2):
            connection = HTTPConnection(address.hostname or "", address.port, timeout=GUARD)
            messages = [{"role": "user", "content": "Hi"}]
            body = json.dumps({"model": "m", "messages": messages})
            connection.request("POST", "/openai/v1/chat/completions", body)
            said.append(reason(connection.getresponse().read()))
            connection.close()
    assert [text.partition("This model's maximum context length is")[0] for text in said] == [
        "ValueError : ",
        "",
    ]
    assert "{" not in "".join(said)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"no healthy upstream", "no healthy upstream"),
        (b"", "an error without a body"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":[{"msg":"Field required"},{"msg":"too short"}]}', "Field required; too short"),
        (b'{"error":{"code":"500"}}', "{'code': '500'}"),
        (b'["a"]', "a"),
        (b'{"error":""}', "an error without words"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_client_has_a_reason_for_everything(
    reason: Callable[[bytes], str], body: bytes, expected: str
) -> None:
    """Whatever comes, it says something and does not raise."""
    assert reason(body) == expected


def test_the_loop_that_leaves_early_loses_text_over_the_sdk(mockllm: MockLLM) -> None:
    """As Langfuse's page says: without LiteLLM the first empty chunk ends it, after four words."""
    mockllm.use("litellm-langfuse-break-early")
    messages: list[Any] = [{"role": "user", "content": "Hi"}]
    stream = openai.OpenAI().chat.completions.create(model="m", messages=messages, stream=True)
    text = ""
    for chunk in stream:
        content = chunk.choices[0].delta.content
        if not content and text:
            break
        text += content or ""
    stream.close()
    mockllm.settle()
    assert text == "This is a test"
    assert mockllm.calls[0].whole_text.startswith(f"{text} answer")


def test_a_picture_keeps_bars_apart() -> None:
    """What overlaps in a lane has rows of its own; what goes on has a broken edge."""
    bars = [Bar("a", 0, 1, "<one>", "good"), Bar("a", 0.5, None, "two", "wait")]
    root = ElementTree.fromstring(svg("t & 't'", bars))
    drawn = [one for one in root if one.get("rx")]
    assert len({one.get("y") for one in drawn}) == 2
    assert [one.get("stroke-dasharray") is not None for one in drawn] == [False, True]
    assert {"<one>", "two"} <= {one.text for one in root}


def test_a_table() -> None:
    """As Markdown has it."""
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
