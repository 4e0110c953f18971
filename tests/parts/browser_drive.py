"""Open pages in Chromium as a reader does, and say what came of it.

    python browser_drive.py CHROMIUM PROXY PAGE... > outcomes.json

A program of its own, because Playwright has an environment of its own. All that a page would ask of
other hosts, loopback included, goes to the proxy; what the browser asks of its maker goes nowhere. It
uses nothing of mockllm.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from playwright.sync_api import Browser, ViewportSize, sync_playwright

PATIENCE = 30_000.0
"""Milliseconds that anything may take."""
SIZE: ViewportSize = {"width": 1280, "height": 700}
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--proxy-server=http://127.0.0.1:9",  # nobody listens there: it is the port of RFC 863
)
ROWS = "[...document.querySelectorAll('tr[data-v]')].filter(one => !one.hidden).map(one => one.querySelector('th').textContent)"
OPEN = "[...document.querySelectorAll('details.cell[open]')].map(one => one.id)"
TOP = "document.querySelector('details.cell[open]').getBoundingClientRect().top"
MARKS = """
[...document.querySelectorAll('details.cell[open] svg:not(.key) :is(path, rect)[class^="k-"]')].map(one => {
  const box = one.getBoundingClientRect();
  return {kind: one.getAttribute('class').slice(2), left: box.left, top: box.top, width: box.width,
          height: box.height, says: one.textContent};
})
"""
LANES = "[...document.querySelectorAll('details.cell[open] svg .lane')].map(one => [one.textContent, one.getBoundingClientRect().top])"
STICKY = """
(() => {
  const table = document.querySelector('.tall'), head = table.querySelector('thead th');
  table.scrollTo(0, table.scrollHeight);
  return {scrolled: table.scrollTop, below: head.getBoundingClientRect().top - table.getBoundingClientRect().top};
})()
"""


def main(chromium: str, proxy: str, *pages: str) -> None:
    """Open each page in turn."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        print(json.dumps([read(browser, proxy, page) for page in pages]))
        browser.close()


def read(browser: Browser, proxy: str, url: str) -> dict[str, Any]:
    """One page: what it asked for, what went wrong, and, if it is a report, how it can be read."""
    context = browser.new_context(viewport=SIZE, proxy={"server": proxy, "bypass": "<-loopback>"})
    context.set_default_timeout(PATIENCE)
    requests: list[str] = []
    errors: list[str] = []
    page = context.new_page()
    context.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text))
    page.goto(url)
    found: dict[str, Any] = {"title": page.title(), "requests": requests, "errors": errors}
    if page.locator("#choice").count():
        found["rows"] = page.evaluate(ROWS)
        page.set_viewport_size({"width": 1280, "height": 150})
        found["sticky"] = page.evaluate(STICKY)
        page.set_viewport_size(SIZE)
        link = page.locator("tr[data-v] a.v").first
        found["link"] = link.get_attribute("aria-label")
        link.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("details.cell[open]")
        found |= {"open": page.evaluate(OPEN), "top": page.evaluate(TOP)}
        found |= {"marks": page.evaluate(MARKS), "lanes": page.evaluate(LANES)}
        box = page.locator("#choice input").first
        box.focus()
        page.keyboard.press("Space")
        found["without"] = box.get_attribute("value")
        found["left"] = page.evaluate(ROWS)
    context.close()
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
