"""The results as one HTML file, which loads nothing: the table, and the evidence of each cell.

All that comes from clients and servers is escaped; a content security policy allows the page's own
style and script alone.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from importlib.resources import files

from mockllm.drill.cell import VERDICTS, Cell, Verdict
from mockllm.drill.facts import is_warning
from mockllm.drill.reports.table import signed
from mockllm.drill.reports.timeline import timeline
from mockllm.drill.results import About, Column, Results

SCRIPT = """
function open_target() {
  const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (found instanceof HTMLDetailsElement) { found.open = true; found.scrollIntoView(); }
}
addEventListener("hashchange", open_target);
open_target();
"""
EVENTS = 30
"""Rows of the events that a cell shows; half of them from the end."""
BYTES = 800
"""Characters of the bytes that a cell shows of each attempt."""
ATTEMPTS = 3
"""Attempts of which it shows the bytes."""
TEXT = 110
"""Characters of one event."""


def html(results: Results) -> str:
    """The page."""
    return "\n".join(page(results)) + "\n"


def page(results: Results) -> Iterator[str]:
    """Its parts."""
    style = files("mockllm.drill.reports").joinpath("page.css").read_text("utf-8")
    policy = f"default-src 'none'; style-src '{digest(style)}'; script-src '{digest(SCRIPT)}'"
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Drill: {names(results)}</title><style>{style}</style></head><body><main>"
    yield f"<h1>Drill: {names(results)}</h1>"
    yield f'<p class="soft">mockllm {escape(results.mockllm)} · {escape(results.bundle)} · '
    yield f"{len(results.incidents)} incidents · {results.seconds:.0f} s</p>"
    yield f"<p>Limits for every system: {escape(results.limits.as_text())}.</p>"
    yield from summary(results)
    yield from matrix(results)
    for number, column in enumerate(results.columns):
        yield from details(number, column, results.incidents)
    yield f"</main><script>{SCRIPT}</script></body></html>"


def digest(text: str) -> str:
    """The source expression that allows exactly this text."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def names(results: Results) -> str:
    """The systems."""
    return escape(", ".join(column.name for column in results.columns))


def badge(verdict: Verdict, target: str | None = None, label: str = "") -> str:
    """A verdict, as a link where there is something to open."""
    kind = f'class="v v-{verdict.replace(" ", "-")}"'
    if target is None:
        return f"<span {kind}>{signed(verdict)}</span>"
    return f'<a {kind} href="#{target}" aria-label="{escape(label)}">{signed(verdict)}</a>'


def target(number: int, incident: str) -> str:
    """The id of a cell."""
    return escape(f"c{number}-{incident}")


def summary(results: Results) -> Iterator[str]:
    """The counts."""
    heads = "".join(f'<th scope="col" class="number">{badge(one)}</th>' for one in VERDICTS)
    yield '<h2>Systems</h2><div class="scroll"><table><thead><tr>'
    yield f'<th scope="col">System</th><th scope="col">Version</th>{heads}</tr></thead><tbody>'
    for column in results.columns:
        counts = "".join(f'<td class="number">{n}</td>' for n in column.counts().values())
        yield f'<tr><th scope="row">{escape(column.name)}</th>'
        yield f'<td class="version">{escape(column.version)}</td>{counts}</tr>'
    yield "</tbody></table></div>"


def matrix(results: Results) -> Iterator[str]:
    """Each incident and its verdicts."""
    heads = "".join(f'<th scope="col">{escape(column.name)}</th>' for column in results.columns)
    yield '<h2>Incidents</h2><div class="scroll"><table><thead><tr>'
    yield f'<th scope="col">Incident</th>{heads}</tr></thead><tbody>'
    category = None
    for about, cells in results.rows():
        if about.category != category:
            category = about.category
            yield f'<tr class="group"><th colspan="{1 + len(cells)}">{escape(category)}</th></tr>'
        yield f'<tr><th scope="row" title="{escape(about.about)}">{escape(about.name)}</th>'
        for number, cell in enumerate(cells):
            label = f"{results.columns[number].name}: {about.name}: {cell.verdict}"
            yield f"<td>{badge(cell.verdict, target(number, about.name), label)}</td>"
        yield "</tr>"
    yield "</tbody></table></div>"


def details(number: int, column: Column, incidents: Iterable[About]) -> Iterator[str]:
    """All cells of a system."""
    yield f"<h2>{escape(column.name)}</h2>"
    yield f'<p class="soft">{escape(column.about)} {escape(column.version)}</p>'
    if column.configuration:
        yield f"<details><summary>Configuration</summary><pre>{escape(column.configuration)}</pre>"
        yield "</details>"
    facts = column.warnings()
    if facts:
        yield "<details><summary>What it made of what it got</summary><ul>"
        for name, fact, count in facts:
            yield f"<li>{escape(name)}: {escape(fact)} (in {count} of {len(column.cells)})</li>"
        yield "</ul></details>"
    for about, cell in zip(incidents, column.cells, strict=True):
        yield f'<details class="cell" id="{target(number, about.name)}"><summary>'
        yield f"{badge(cell.verdict)} <strong>{escape(about.name)}</strong> "
        yield f'<span class="why">{escape(cell.reason[:200])}</span></summary><div>'
        yield from content(about, cell)
        yield "</div></details>"


def content(about: About, cell: Cell) -> Iterator[str]:
    """What is told of a cell."""
    yield f"<p>{escape(about.about)} {', '.join(map(link, about.cite))}</p>"
    if len(cell.reason) > 200:
        yield f"<p>{escape(cell.reason)}</p>"
    if cell.judgements:
        yield "<h3>Expected</h3><ul>"
        for one in cell.judgements:
            kind = "unjudged" if one.verdict == "not judged" else one.verdict
            yield f'<li><span class="{kind}">{one.verdict}</span>: {escape(one.statement)} '
            yield f'<span class="soft">({escape(one.evidence[:400])})</span></li>'
        yield "</ul>"
    if cell.findings:
        yield "<h3>Advice</h3><ul>"
        for found in cell.findings:
            yield f"<li><strong>{escape(found.name)}</strong>: {escape(found.evidence)}. "
            yield f"{escape(found.why)}. {escape(found.remedy)}. {escape(found.resembles)}</li>"
        yield "</ul>"
    if cell.facts:
        yield "<h3>What it made of it</h3><ul>"
        for name, fact in cell.facts.items():
            mark = ' class="broken"' if is_warning(fact) else ""
            yield f"<li>{escape(name)}: <span{mark}>{escape(fact)}</span></li>"
        yield "</ul>"
    picture = timeline(cell)
    if picture:
        yield '<h3>Server above, client below</h3><div class="scroll">'
        yield f"{picture}</div>"
        yield from events(cell)
    yield from sent(cell)


def link(url: str) -> str:
    """A report that an incident cites."""
    if not url.startswith(("https://", "http://")):
        return escape(url)
    shown = url.partition("://")[2].removeprefix("github.com/")
    return f'<a href="{escape(url)}" rel="noreferrer">{escape(shown)}</a>'


def events(cell: Cell) -> Iterator[str]:
    """Both views as rows of one table."""
    rows = [
        *((mark.time, f"attempt {number(cell, mark.call)}: {mark.kind}: {mark.text}", "") for mark in cell.marks),
        *((event.time, "", f"{event.kind}: {event.text}") for event in cell.events),
    ]  # fmt: skip
    rows.sort(key=lambda row: row[0])
    left = max(len(rows) - EVENTS, 0)
    yield "<details><summary>Events</summary><div class='scroll'><table class='log'><thead><tr>"
    yield '<th scope="col" class="number">s</th><th scope="col">server</th>'
    yield '<th scope="col">client</th></tr></thead><tbody>'
    for place, (time, server, client) in enumerate(rows):
        if left and EVENTS // 2 <= place < EVENTS // 2 + left:
            if place == EVENTS // 2:
                yield f"<tr><td></td><td>… {left} more</td><td></td></tr>"
            continue
        yield f'<tr><td class="number">{time - cell.begun:.3f}</td>'
        yield f"<td>{short(server)}</td><td>{short(client)}</td></tr>"
    yield "</tbody></table></div></details>"


def number(cell: Cell, call: int) -> int:
    """Which attempt a call was."""
    return sorted({mark.call for mark in cell.marks}).index(call) + 1


def short(text: str) -> str:
    """A text that fits into a table."""
    return escape(text if len(text) <= TEXT else f"{text[:TEXT]}…")


def sent(cell: Cell) -> Iterator[str]:
    """The bytes that the server wrote."""
    for place, text in enumerate(cell.sent[:ATTEMPTS], 1):
        if not text:
            continue
        more = len(text) - BYTES
        shown = text if more <= 0 else f"{text[:BYTES]}… {more} characters more"
        yield f"<details><summary>Bytes of attempt {place}</summary><pre>{escape(shown)}</pre>"
        yield "</details>"
