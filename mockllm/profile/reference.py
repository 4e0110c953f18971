"""The reference of the language: a page made of docstrings, field types and data.

`mockllm reference > profiles/README.md` writes it anew; whoever changes the language runs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import mockllm.wires
from mockllm.faults.anchors import KIND_MEANINGS, POINT_MEANINGS, SELECTOR_FORMS
from mockllm.faults.fault import SPELLED, ErrorSpec, Fault
from mockllm.faults.named import SHORTHANDS, VALUE, Shorthand
from mockllm.faults.often import Often
from mockllm.faults.values import flow
from mockllm.profile.account import Account
from mockllm.profile.expect import (
    Burst,
    Expect,
    ExpectCaller,
    ExpectClient,
    ExpectFallback,
    ExpectPolicy,
    ExpectServer,
    Return,
)
from mockllm.profile.kinds import code, kind
from mockllm.profile.models import MATCHERS, SOURCES, VERBS, Listener, Pacing, Profile, Route
from mockllm.profile.tables import (
    Row,
    doc,
    field_row,
    keys_table,
    model_rows,
    nested_rows,
    table,
    text_of,
    value_rows,
)
from mockllm.scripts.named import NAMED
from mockllm.scripts.script import Source
from mockllm.shapes.catalogue import catalogue, shape_catalogue
from mockllm.timeline.registry import subclasses
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.wire import Wire

WIRES = tuple(subclasses(mockllm.wires, Wire))  # type: ignore[type-abstract]
"""Every wire, in the order of their files."""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION, *profile_part(), *anchor_part(), *verb_part(), *named_part()]
    parts += [*often_part(), *matcher_part(), *script_part(), *pacing_part(), *account_part()]
    parts += [*wire_part(), *shape_part(), *expect_part()]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """\
# The profile language

Made by `mockllm reference` from the sources; do not edit it here.

[Profile](#profile) · [Routes](#routes) · [Listeners](#listeners) · [Anchors](#anchors) ·
[Verbs](#verbs) · [Named faults](#named-faults) · [How often](#how-often) · [Matchers](#matchers) ·
[Scripts](#scripts) · [Pacing](#pacing) · [Account](#account) ·
[Wires and dialects](#wires-and-dialects) · [Shapes and answers](#shapes-and-answers) ·
[Expect](#expect)

| Value | Written |
| --- | --- |
| duration | `300ms`, `2s`, `1m30s`; units `us`, `ms`, `s`, `m`, `h` |
| size | `512B`, `64KiB`, `1MiB`, `1GiB` |
| bandwidth | `1KiB/s` |
| share | `20%` |
| text | as in YAML; a number keeps its spelling |

In the texts of `send`, `edit` and `reply`:

| Placeholder | Becomes |
| --- | --- |
| `{{now}}`, `{{now+2s}}` | the time, or a later one, as an HTTP date |
| `{{self}}` | the base URL under which the client found the server |
| `{{listener NAME}}` | the base URL of a listener |
| `{{n}}`, `{{n+5}}` | in `edit`: the number of pieces sent up to the frame, or more |

A bare number where a unit belongs is refused, and so is every unknown or duplicate key."""


# The parts


def profile_part() -> Iterator[str]:
    """Profile, routes, listeners."""
    for title, model in (("Profile", Profile), ("Routes", Route), ("Listeners", Listener)):
        yield f"## {title}"
        yield doc(model)
        yield keys_table(model)


def anchor_part() -> Iterator[str]:
    """Points, targets and selectors."""
    yield "## Anchors"
    yield (
        "`at` says where a fault acts. Anchors bind to the script's answer before any fault has "
        "changed it, so two faults at `after content 5` mean the same place. Numbers count from 1, "
        "ranges include both ends. Every body unit counts as a frame, the role frame and `[DONE]` "
        "too; an answer that is not streamed is one frame. Prefer `content`: frame counts differ by "
        "wire."
    )
    yield table(("Anchor", "When, or what"), coded(POINT_MEANINGS))
    yield table(("SELECTOR", "Which frames"), coded(KIND_MEANINGS))
    yield table(("Number", "Which of them"), coded(SELECTOR_FORMS))


def verb_part() -> Iterator[str]:
    """The six verbs, with every value."""
    yield "## Verbs"
    yield (
        "The first `reply` or `close` that acts ends the exchange; `edit` comes before `encode`. "
        "A fault that does not act is in the journal with the reason."
    )
    for verb in VERBS:
        yield f"### `{verb.verb}`"
        yield doc(verb)
        yield f"Acts at {places(verb)}; without `at`: `{verb.default_at}`."
        yield table(("Value", "Takes", "What it does"), value_rows(verb))


def named_part() -> Iterator[str]:
    """The shorthands and what they stand for."""
    yield "## Named faults"
    yield table(
        ("Fault", "Without `at`", "What it does", "Stands for"),
        ((code(one.name), code(one.at), one.about, expansion(one)) for one in SHORTHANDS),
    )
    yield "`fail`, `error` and `reply` take an error as a mapping:"
    yield keys_table(ErrorSpec)


def often_part() -> Iterator[str]:
    """The frequencies."""
    yield "## How often"
    yield f"{doc(Often)} The keys stand beside the verb, and all of them must hold."
    yield table(("Key", "Takes", "Meaning"), nested_rows(Often))


def matcher_part() -> Iterator[str]:
    """The conditions of a route."""
    yield "## Matchers"
    yield (
        "All conditions of a route's `match` must hold. A list holds if one of its items does; "
        "`{not: …}` turns a condition round; `*` in a text is any text."
    )
    yield table(
        ("Key", "Takes", "What it looks at"),
        ((code(one.key), kind(one.schema, {}), text_of(one)) for one in MATCHERS),
    )


def script_part() -> Iterator[str]:
    """What a healthy server says."""
    yield "## Scripts"
    yield "A mapping of one kind, or a name. Without one: `canonical`."
    yield table(
        ("Key", "Takes", "What is said"), (row for one in SOURCES for row in model_rows(one))
    )
    yield table(
        ("Key of every script", "Takes", "Meaning"),
        (field_row(name, Source) for name in Source.model_fields),
    )
    yield table(("Name", "Script"), ((code(name), brief(one)) for name, one in NAMED.items()))


def pacing_part() -> Iterator[str]:
    """How fast a healthy server says it."""
    yield "## Pacing"
    yield (
        f"{doc(Pacing)} `mockllm serve` takes this time, the pytest fixture does not. Head and role "
        "frame leave at `ttft`, content follows; finish, usage and final marker come without a gap."
    )
    yield keys_table(Pacing)


def account_part() -> Iterator[str]:
    """How an account refuses calls."""
    yield "## Account"
    yield doc(Account)
    yield table(("Key", "Takes", "Meaning"), nested_rows(Account))


def wire_part() -> Iterator[str]:
    """The APIs that are served, and whose ways of speaking them are known."""
    yield "## Wires and dialects"
    yield (
        "A wire is one API on its paths; `match: {wire: …}` takes the name. A dialect is a server's "
        "own way of speaking the APIs; without `dialect` it is the one of the path. Observed is what "
        "was captured from a running server by this project, documented what others have published."
    )
    yield table(
        ("Wire", "Paths", "Source"),
        ((code(wire.name), paths(wire), wire.source) for wire in WIRES),
    )
    yield table(
        ("Dialect", "Whose", "Shape of its errors", "Source"),
        ((code(one.name), one.about, code(one.shape), one.source) for one in DIALECTS.values()),
    )


def paths(wire: type[Wire]) -> str:
    """The endpoints of a wire: each path with its methods."""
    methods: dict[str, list[str]] = {}
    for method, path in wire.endpoints:
        methods.setdefault(path, []).append(method)
    return "<br>".join(f"{', '.join(said)} {code(path)}" for path, said in methods.items())


def shape_part() -> Iterator[str]:
    """The forms of errors, and captured answers by producer."""
    yield "## Shapes and answers"
    yield (
        "A shape is the form of an error's body, whatever the wire, and what its server says with "
        "each status; other statuses have the words of a neighbour. An answer is a whole reply: "
        "status, headers in order and case, body, and how the connection ends. Observed answers "
        "have the bytes of a capture; documented ones what a source or a document gives."
    )
    yield table(
        ("Shape", "What", "Statuses", "Source"),
        (
            (code(row.name), row.about, statuses(row.statuses), row.source)
            for row in shape_catalogue()
        ),
    )
    for producer, rows in groupby(catalogue(), key=lambda row: row.producer):
        yield f"### Answers of {producer}"
        yield table(
            ("Answer", "Status", "When", "Evidence", "Source"),
            (
                (code(row.name), str(row.status), row.about, row.evidence, row.source)
                for row in rows
            ),
        )


def statuses(known: tuple[int, ...]) -> str:
    """The statuses of a shape; a dash for one that says the same with every status."""
    return ", ".join(map(str, known)) or "–"


def expect_part() -> Iterator[str]:
    """What a good client does."""
    yield "## Expect"
    yield f"{doc(Expect)} What cannot be observed is not judged, never passed."
    yield keys_table(Expect)
    for key, model in (
        ("client", ExpectClient),
        ("server", ExpectServer),
        ("server.burst", Burst),
        ("server.returns", Return),
        ("fallback", ExpectFallback),
        ("caller", ExpectCaller),
        ("policy", ExpectPolicy),
    ):
        yield f"### `expect.{key}`"
        yield doc(model)
        yield keys_table(model)


# Words


def places(verb: type[Fault]) -> str:
    """The anchors of a verb."""
    return ", ".join(code(SPELLED.get(point, point)) for point in verb.points)


def expansion(one: Shorthand) -> str:
    """The verbs of a named fault."""
    return " + ".join(code(f"{verb.verb}: {shown(made[verb.verb])}") for verb, made in one.verbs)


def shown(template: Any) -> str:
    """A value of a shorthand's verb; `…` is the shorthand's own."""
    if template is VALUE:
        return "…"
    if isinstance(template, dict):
        return "{" + ", ".join(f"{key}: {shown(part)}" for key, part in template.items()) + "}"
    return flow(template)


def brief(source: Source) -> str:
    """A named script in short."""
    said = flow(source.model_dump(exclude_unset=True, by_alias=True))
    return code(said if len(said) <= 72 else said[:70].rstrip() + "…")


def coded(meanings: dict[str, str]) -> Iterator[Row]:
    """Words with their meanings."""
    return ((code(word), meaning) for word, meaning in meanings.items())
