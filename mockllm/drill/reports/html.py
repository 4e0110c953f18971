"""The results as one HTML file, which loads nothing: the table, and the evidence of each cell.

All that comes from clients and servers is escaped; a content security policy allows the page's own
style and script alone. Without its script the page has all but the choice of verdicts.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from urllib.parse import quote

from mockllm.drill.cell import VERDICTS, Cell, Verdict, shortened
from mockllm.drill.reports.evidence import evidence
from mockllm.drill.reports.table import MEANINGS, signed
from mockllm.drill.reports.visible import markup
from mockllm.drill.results import About, Column, Results

REASON = 200
"""Characters of a reason in the line of a cell."""


def html(results: Results) -> str:
    """The page."""
    return "\n".join(page(results)) + "\n"


def page(results: Results) -> Iterator[str]:
    """Its parts."""
    style, script = asset("page.css"), asset("page.js")
    allowed = f"style-src '{digest(style)}'; script-src '{digest(script)}'"
    policy = f"default-src 'none'; base-uri 'none'; form-action 'none'; {allowed}"
    names = markup(", ".join(column.name for column in results.columns))
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Drill: {names}</title><style>{style}</style></head><body><main>"
    yield f"<h1>Drill: {names}</h1>"
    yield f'<p class="soft">mockllm {markup(results.mockllm)} · {markup(results.bundle)} · '
    yield f"{len(results.incidents)} incidents · {results.seconds:.0f} s</p>"
    yield f"<p>Limits for every system: {markup(results.limits.as_text())}.</p>"
    if results.command:
        yield f"<p>Repeat it: <code>{markup(results.command)}</code></p>"
    yield from summary(results)
    yield from matrix(results)
    rows = [cells for _, cells in results.rows()]
    for number, column in enumerate(results.columns):
        yield from details(number, column, results, rows)
    yield f"</main><script>{script}</script></body></html>"


def asset(name: str) -> str:
    """A file beside this one."""
    return files("mockllm.drill.reports").joinpath(name).read_text("utf-8")


def digest(text: str) -> str:
    """The source expression that allows exactly this text."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def key(verdict: Verdict) -> str:
    """A verdict as one word, for the style and the script."""
    return verdict.replace(" ", "-")


def badge(verdict: Verdict, target: str | None = None, name: str = "") -> str:
    """A verdict, as a link where there is something to open; `name` says what it is about."""
    kind = f'class="v v-{key(verdict)}"'
    if target is None:
        return f"<span {kind}>{signed(verdict)}</span>"
    return f'<a {kind} href="#{fragment(target)}" aria-label="{markup(name)}: {verdict}">{signed(verdict)}</a>'


def target(number: int, incident: str) -> str:
    """The id of a cell."""
    return f"c{number}-{incident}"


def fragment(target: str) -> str:
    """An id in an address: incidents of users are called what their files are called."""
    return markup(quote(target))


def scroll(name: str, kind: str = "") -> str:
    """The beginning of a part that scrolls by itself; it can be reached by keyboard."""
    return f'<div class="scroll{kind}" tabindex="0" role="region" aria-label="{name}">'


def system(number: int, column: Column) -> str:
    """A link to what is told of a system."""
    return f'<a href="#s{number}">{markup(column.name)}</a>'


def summary(results: Results) -> Iterator[str]:
    """The counts, and what they count."""
    heads = "".join(f'<th scope="col" class="number">{badge(one)}</th>' for one in VERDICTS)
    yield f"<h2>Systems</h2>{scroll('Systems')}<table><thead><tr>"
    yield f'<th scope="col">System</th><th scope="col">Version</th>{heads}</tr></thead><tbody>'
    for number, column in enumerate(results.columns):
        counts = "".join(
            f'<td class="number{"" if n else " none"}">{n}</td>' for n in column.counts().values()
        )
        yield f'<tr><th scope="row">{system(number, column)}</th>'
        yield f'<td class="version">{markup(column.version)}</td>{counts}</tr>'
    yield "</tbody></table></div>"
    yield "<details><summary>What the verdicts mean</summary><dl>"
    for verdict, meaning in MEANINGS.items():
        yield f"<div><dt>{badge(verdict)}</dt><dd>{meaning}</dd></div>"
    yield "</dl></details>"


def matrix(results: Results) -> Iterator[str]:
    """Each incident and its verdicts."""
    yield '<h2 id="incidents">Incidents</h2>'
    yield from choice(cell.verdict for column in results.columns for cell in column.cells)
    heads = "".join(
        f'<th scope="col">{system(number, column)}</th>'
        for number, column in enumerate(results.columns)
    )
    yield f"{scroll('Incidents', ' tall')}<table><thead><tr>"
    yield f'<th scope="col">Incident</th>{heads}</tr></thead>'
    for category, rows in groupby(results.rows(), lambda row: row[0].category):
        yield f'<tbody><tr class="group"><th scope="rowgroup" colspan="{1 + len(results.columns)}">'
        yield f"<span>{markup(category)}</span></th></tr>"
        for about, cells in rows:
            verdicts = " ".join(sorted({key(cell.verdict) for cell in cells}))
            yield f'<tr data-v="{verdicts}"><th scope="row" id="{markup(f"i-{about.name}")}"'
            yield f' title="{markup(about.about)}">{markup(about.name)}</th>'
            for number, cell in enumerate(cells):
                name = f"{results.columns[number].name}: {about.name}"
                yield f"<td>{badge(cell.verdict, target(number, about.name), name)}</td>"
            yield "</tr>"
        yield "</tbody>"
    yield "</table></div>"


def choice(given: Iterable[Verdict]) -> Iterator[str]:
    """Which verdicts are shown; the script brings it to light."""
    found = set(given)
    yield '<fieldset id="choice" hidden><legend>Show incidents with a verdict</legend>'
    for verdict in VERDICTS:
        if verdict in found:
            yield f'<label><input type="checkbox" value="{key(verdict)}" checked> {badge(verdict)}</label>'
    yield '<span id="shown" role="status"></span></fieldset>'


def details(
    number: int, column: Column, results: Results, rows: Sequence[Sequence[Cell]]
) -> Iterator[str]:
    """All cells of a system."""
    yield f'<h2 id="s{number}">{markup(column.name)}</h2>'
    yield f'<p class="soft">{markup(column.about)} {markup(column.version)}</p>'
    if column.configuration:
        yield "<details><summary>Configuration</summary>"
        yield f'<pre tabindex="0">{markup(column.configuration)}</pre></details>'
    facts = column.warnings()
    if facts:
        yield "<details><summary>What it made of what it got</summary><ul>"
        for name, fact, count in facts:
            yield f"<li>{markup(name)}: {markup(fact)} (in {count} of {len(column.cells)})</li>"
        yield "</ul></details>"
    for about, cell, row in zip(results.incidents, column.cells, rows, strict=True):
        yield f'<details class="cell" id="{markup(target(number, about.name))}" data-v="{key(cell.verdict)}">'
        yield f"<summary>{badge(cell.verdict)} <strong>{markup(about.name)}</strong> "
        yield f'<span class="why">{markup(shortened(cell.reason, REASON))}</span></summary><div>'
        yield from evidence(about, cell)
        yield from elsewhere(number, about, results.columns, row)
        yield "</div></details>"


def elsewhere(
    number: int, about: About, columns: Sequence[Column], row: Sequence[Cell]
) -> Iterator[str]:
    """The way back to the table, and to the same incident with other systems."""
    yield '<p class="elsewhere">'
    yield f'<a href="#{fragment(f"i-{about.name}")}">↑ Table</a>'
    for other, (column, cell) in enumerate(zip(columns, row, strict=True)):
        if other != number:
            name = f"{column.name}: {about.name}"
            yield f"<span>{markup(column.name)} {badge(cell.verdict, target(other, about.name), name)}</span>"
    yield "</p>"
