"""What a chat request says, for matchers and scripts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.matchers.call import Conversation
from mockllm.wires.chat_form import Options
from mockllm.wires.chat_request import conversation, stream_options

USER = {"role": "user", "content": "one"}
PARTS = {"role": "user", "content": [{"type": "text", "text": "a"}, {"image": 1}, {"text": "b"}]}
ANSWER = {"role": "assistant", "content": "yes"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
BARE = {"type": "function", "function": {"name": "g"}}
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": [1]}}}
OBJECT = {"type": "object"}
NONE = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ({}, Conversation()),
        ({"messages": [USER]}, Conversation("one")),
        ({"messages": [USER, ANSWER]}, Conversation("one", 2)),
        ({"messages": [ANSWER, USER, ANSWER, PARTS]}, Conversation("a\nb", 3)),
        ({"messages": [{"role": "user"}]}, Conversation("")),
        ({"messages": [{"role": "system", "content": "x"}]}, Conversation()),
        ({"tools": [TOOL, BARE, 5, {}]}, Conversation(tools={"f": OBJECT, "g": NONE})),
        ({"tools": [TOOL], "tool_choice": "none"}, Conversation()),
        ({"tools": [TOOL], "tool_choice": "auto"}, Conversation(tools={"f": OBJECT})),
        ({"tools": [TOOL], "tool_choice": BARE}, Conversation(tools={"f": OBJECT}, tool="g")),
        ({"response_format": FORM}, Conversation(schema={"enum": [1]})),
        ({"response_format": {"type": "json_object"}}, Conversation(schema=OBJECT)),
        ({"response_format": {"type": "text"}}, Conversation()),
    ],
)
def test_conversation(data: dict[str, Any], read: Conversation) -> None:
    """The last text of the user, the turn, the tools and the schema."""
    assert conversation(data) == read


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "text", "function", "name", "type", "json_schema"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["messages", "tools", "tool_choice", "response_format"]), JSON, max_size=4
    )
)
def test_any_json_can_be_read(data: dict[str, Any]) -> None:
    """Whatever stands where a chat request has its fields, nothing is refused here."""
    assert conversation(data).turn >= 1


@pytest.mark.parametrize(
    ("said", "options"),
    [
        (None, Options()),
        ([], Options()),
        ({}, Options()),
        ({"include_usage": True}, Options(usage=True)),
        ({"continuous_usage_stats": True}, Options(each_usage=True)),
        ({"include_obfuscation": False}, Options(obfuscation=False)),
        ({"include_obfuscation": None, "include_usage": None}, Options()),
    ],
)
def test_stream_options(said: Any, options: Options) -> None:
    """What the client wants of a stream; what is no object asks for nothing."""
    assert stream_options({"stream_options": said}) == options
