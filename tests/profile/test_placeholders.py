"""Placeholders are a closed list."""

from __future__ import annotations

import pytest

from mockllm.profile.loader import load
from mockllm.profile.problems import ProfileError

LIST = "{{now}}, {{now+2s}}, {{self}}, {{listener NAME}}, {{n}}, {{n+21}}"


@pytest.mark.parametrize(
    "text",
    ["{{now}}", "{{now+2s}}", "{{ now + 1m30s }}", "{{self}}", "{{listener b}}", "{ {now} }"],
)
def test_known(text: str) -> None:
    """What is on the list loads, as does a text that only looks like one."""
    loaded = load(
        f'mockllm: 1\nlisteners: [{{name: b}}]\nfaults: [{{fail: {{status: 503, message: "{text}"}}}}]',
        name="p",
    )
    assert loaded.profile.all_routes[0].faults


def test_numbers_of_tokens() -> None:
    """Edits may count."""
    text = 'mockllm: 1\nfaults: [{edit: {set: {usage.total: "{{n+21}}"}}, at: frame *}]'
    assert load(text, name="p").profile.all_routes[0].faults


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'faults: [{send: {comment: "{{nwo+2s}}"}}]',
            "2:27: faults[0].send.comment: expected a placeholder of the list "
            f"({LIST}), got '{{{{nwo+2s}}}}'",
        ),
        (
            'routes: [{faults: [{fail: {status: 429, headers: {retry-after: "{{now+2}}"}}}]}]',
            "2:64: routes[0].faults[0].fail.headers.retry-after: expected a placeholder of the list "
            f"({LIST}), got '{{{{now+2}}}}'",
        ),
        (
            'faults: [{send: {comment: "{{listener b}}"}}]',
            "2:27: faults[0].send.comment: expected the name of a listener (none), got 'b'",
        ),
    ],
)
def test_unknown(text: str, message: str) -> None:
    """What nobody would fill in is refused at its place."""
    with pytest.raises(ProfileError) as caught:
        load(f"mockllm: 1\n{text}\n", name="p")
    assert str(caught.value) == f"p:{message}"


def test_templates_have_their_own() -> None:
    """A template's placeholders are Faker's."""
    assert load('mockllm: 1\nscript: {template: "Dear {{name}}"}', name="p").profile.script
