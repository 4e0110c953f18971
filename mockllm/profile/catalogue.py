"""The catalogue of incidents: a page with a row for each that ships, and a list of those that do not.

`mockllm reference incidents > docs/incidents.md` writes it anew; whoever adds an incident runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mockllm.profile.incidents import Incident
from mockllm.profile.kinds import code
from mockllm.profile.library import Library, shipped
from mockllm.profile.nodes import read
from mockllm.profile.tables import Row, table

CATEGORIES = {
    "auth": "Keys and rights.",
    "backpressure": "A reader that is slower than the server.",
    "before-headers": "What comes, or does not, before the head of the response.",
    "chunk-semantics": "Well-formed events that say something unusual.",
    "client-leaves": "The client leaves in the middle; nothing is wrong on the wire.",
    "cold-start": "A model that is not there yet.",
    "connect": "Connections that are not made, or end before an answer.",
    "error-body": "Errors in shapes that nobody expects.",
    "error-in-stream": "Errors after a 200 has been sent.",
    "failoverbench": "The sixteen scenarios of Failover Bench.",
    "headers": "Heads that mislead: labels, framing, compression, redirects.",
    "leaks": "Connections that a client does not give back.",
    "mid-stream": "Streams that stop, drip, end early, or end twice.",
    "overload": "More calls at a time than the server takes.",
    "rate-limit": "429, and when to come back.",
    "retry-side-effects": "What a retry does twice.",
    "reuse": "Connections that are used again.",
    "sse-framing": "The same events in other bytes.",
    "tool-calls": "Calls of tools, in pieces.",
    "upload": "The request's own body.",
    "whole-body": "Answers that are not streamed.",
}
"""The categories of the incidents that ship, and what they are about."""

NOT_SHIPPED = Path(__file__).parent / "not_shipped.yaml"


@dataclass(frozen=True, slots=True)
class NotShipped:
    """An incident that no profile reproduces."""

    name: str
    about: str
    why: str
    cite: str | None = None


def not_shipped() -> tuple[NotShipped, ...]:
    """The incidents that do not ship, and why not."""
    entries = read(NOT_SHIPPED.read_text("utf-8"), NOT_SHIPPED.name).data
    return tuple(NotShipped(name, **entry) for name, entry in entries.items())


def incidents() -> tuple[Incident, ...]:
    """The incidents that ship with mockllm, those of no other distribution."""
    folder = shipped().resolve()
    return tuple(
        one
        for one in Library().incidents()
        if Path(one.loaded.file).resolve().is_relative_to(folder)
    )


def page() -> str:
    """The whole page."""
    groups = {name: list(ones) for name, ones in groupby(incidents(), lambda one: one.category)}
    count = sum(map(len, groups.values()))
    links = " ·\n".join(f"[{name}](#{name}) {len(ones)}" for name, ones in groups.items())
    parts = [INTRODUCTION.format(count=count), links]
    for name, ones in groups.items():
        parts += [f"## {name}", CATEGORIES[name], table(HEAD, map(row, ones))]
    parts += ["## Not shipped", NOT_SHIPPED_WORDS, table(HEAD_NOT, map(row_not, not_shipped()))]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """\
# Incidents

Made by `mockllm reference incidents` from the profiles; do not edit it here.

{count} failures that people have reported, each a profile: choose one on any running server by the
model `mock-NAME`, the path `/p/NAME/v1/…`, the header `X-Mockllm-Profile` or the key `mock-NAME`, or
start a server with it, `mockllm serve NAME`. Those with a port of their own need that. `mockllm show
NAME` tells its story, its timeline and what a good client does."""

NOT_SHIPPED_WORDS = "Failures that the wire of one server cannot show, or that nobody has reported."
HEAD = ("Incident", "What happens", "Wire", "A good client", "Bundle", "Reports")
HEAD_NOT = ("Incident", "What happens", "Why not", "Report")


def row(one: Incident) -> Row:
    """The row of an incident."""
    profile = one.loaded.profile
    path = f"../profiles/incidents/{one.category}/{one.name}.yaml"
    expected = "<br>".join(profile.expect.lines()) if profile.expect else ""
    return (
        f"[{code(one.name)}]({path})",
        profile.about,
        "<br>".join([one.spoken, *(f"port {code(part.name)}" for part in profile.listeners)]),
        expected,
        ", ".join(profile.bundles),
        ", ".join(map(link, profile.cite)),
    )


def row_not(one: NotShipped) -> Row:
    """The row of an incident that does not ship."""
    return code(one.name), one.about, one.why, link(one.cite) if one.cite else ""


def link(url: str) -> str:
    """A report, in short: `owner/repo#1`."""
    parts = url.split("/")
    numbered = len(parts) == 7 and parts[2] == "github.com" and parts[6].isdigit()
    words = f"{parts[3]}/{parts[4]}#{parts[6]}" if numbered else "/".join(parts[3:5])
    return f"[{words}]({url})"
