"""The evidence of one cell as HTML: what was expected, what both sides saw, and when."""

from __future__ import annotations

from collections.abc import Iterator

from mockllm.drill.cell import Cell, shortened
from mockllm.drill.facts import is_warning
from mockllm.drill.reports.timeline import legend, timeline
from mockllm.drill.reports.visible import markup
from mockllm.drill.results import About
from mockllm.engine.judge import Seen, Verdict

EVENTS = 30
"""Rows of the events that a cell shows; half of them from the end."""
BYTES = 800
"""Characters of the bytes that a cell shows of each attempt."""
ATTEMPTS = 3
"""Attempts of which it shows the bytes."""
ROW = 110
"""Characters of one event."""
SAID = 400
"""Characters of what is said of a statement, of a finding, or of what the caller got."""

KINDS: dict[Verdict, str] = {"held": "held", "broken": "broken", "not judged": "unjudged"}
"""The style of what became of a statement; advice that was not taken has one of its own."""


def evidence(about: About, cell: Cell) -> Iterator[str]:
    """What is told of a cell."""
    yield f"<p>{markup(about.about)} {', '.join(map(link, about.cite))}</p>"
    if len(cell.reason) > SAID / 2:
        yield f"<p>{said(cell.reason, 10 * SAID)}</p>"
    if cell.judgements:
        yield "<h3>Expected</h3><ul>"
        for one in cell.judgements:
            kind = KINDS[one.verdict] if one.wrong or one.verdict != "broken" else "missed"
            yield f'<li><span class="{kind}">{one.verdict}</span>: {markup(one.statement)} '
            yield f'<span class="soft">({said(one.evidence)})</span></li>'
        yield "</ul>"
    if cell.findings:
        yield "<h3>Advice</h3><ul>"
        for found in cell.findings:
            yield f"<li><strong>{markup(found.name)}</strong>: {said(found.evidence)}. "
            yield f"{markup(found.why)}. {markup(found.remedy)}. {markup(found.resembles)}</li>"
        yield "</ul>"
    if cell.facts:
        yield "<h3>What it made of it</h3><ul>"
        for name, fact in cell.facts.items():
            mark = ' class="broken"' if is_warning(fact) else ""
            yield f"<li>{markup(name)}: <span{mark}>{said(fact)}</span></li>"
        yield "</ul>"
    if cell.seen is not None:
        yield "<h3>What the caller got</h3><ul>"
        for name, value in got(cell.seen):
            yield f"<li>{name}: <span class='code'>{said(value)}</span></li>"
        yield "</ul>"
    picture = timeline(cell)
    if picture:
        yield "<h3>Server above, client below</h3>"
        yield f'<div class="scroll" tabindex="0" role="group" aria-label="Timeline">{picture}</div>'
        yield legend(cell)
        yield from events(cell)
    yield from sent(cell)


def worded(kind: str, text: str) -> str:
    """A mark or an event in words; many texts begin with the kind."""
    return text if text.startswith(kind) else f"{kind}: {text}" if text else kind


def said(text: str, most: int = SAID) -> str:
    """A text that is not too long, as markup."""
    return markup(shortened(text, most))


def link(url: str) -> str:
    """A report that an incident cites."""
    if not url.startswith(("https://", "http://")):
        return markup(url)
    shown = url.partition("://")[2].removeprefix("github.com/")
    return f'<a href="{markup(url)}" rel="noreferrer">{markup(shown)}</a>'


def got(seen: Seen) -> Iterator[tuple[str, str]]:
    """What a caller saw, as far as it is known."""
    if seen.error is not None:
        error = seen.error
        numbers = (("status", error.status), ("code", error.code))
        more = "".join(f", {name} {value}" for name, value in numbers if value is not None)
        yield "error", f"{error.name} ({error.kind or 'of unknown kind'}{more}) {error.message}"
    if seen.text is not None:
        yield f"text of {len(seen.text)} characters", seen.text
    for name, arguments in seen.tool_calls or ():
        yield "tool call", f"{name} {arguments}"
    told = (("model", seen.model), ("finish", seen.finish), ("completion tokens", seen.usage))
    for name, value in told:
        if value is not None:
            yield name, str(value)
    if seen.left:
        yield "end", "it left on purpose"
    if seen.seconds is not None:
        yield "after", f"{seen.seconds:.3f} s"


def events(cell: Cell) -> Iterator[str]:
    """Both views as rows of one table."""
    attempts = {call: n for n, call in enumerate(sorted({m.call for m in cell.marks}), 1)}
    rows = [
        *(
            (m.time, f"attempt {attempts[m.call]}: {worded(m.kind, m.text)}", "")
            for m in cell.marks
        ),
        *((event.time, "", worded(event.kind, event.text)) for event in cell.events),
    ]
    rows.sort(key=lambda row: row[0])
    left = max(len(rows) - EVENTS, 0)
    yield "<details><summary>Events</summary>"
    yield '<div class="scroll" tabindex="0" role="group" aria-label="Events"><table class="log"><thead><tr>'
    yield '<th scope="col" class="number">s</th><th scope="col">server</th>'
    yield '<th scope="col">client</th></tr></thead><tbody>'
    for place, (time, server, client) in enumerate(rows):
        if left and EVENTS // 2 <= place < EVENTS // 2 + left:
            if place == EVENTS // 2:
                yield f"<tr><td></td><td>… {left} more</td><td></td></tr>"
            continue
        yield f'<tr><td class="number">{time - cell.begun:.3f}</td>'
        yield f"<td>{said(server, ROW)}</td><td>{said(client, ROW)}</td></tr>"
    yield "</tbody></table></div></details>"


def sent(cell: Cell) -> Iterator[str]:
    """The bytes that the server wrote."""
    for place, text in enumerate(cell.sent[:ATTEMPTS], 1):
        if text:
            yield f"<details><summary>Bytes of attempt {place}</summary>"
            yield f'<pre tabindex="0">{said(text, BYTES)}</pre></details>'
    if len(cell.sent) > ATTEMPTS:
        yield f'<p class="soft">The bytes of {len(cell.sent) - ATTEMPTS} more attempts are in the JSON.</p>'
