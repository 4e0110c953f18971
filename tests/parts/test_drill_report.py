"""The HTML report of a drill in a real browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mockllm.cli import cli
from mockllm.drill.reports.html import html
from tests.drill.samples import results
from tests.parts.driving import driven
from tests.parts.installed import need

pytestmark = pytest.mark.parts("chromium", "playwright")

INCIDENTS = ("crlf-lines", "loading-model-503", "stream-ends-at-300s")
LOADS = "<title>loads</title><img src='http://elsewhere.test/x.png'><link rel='stylesheet' href='https://other.test/x.css'>"
"""A page that does what a report never does."""


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that lets nothing through, its address, and what it was asked for."""
    asked: list[str] = []

    class Refuse(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(self.path)
            self.send_error(403)

        do_GET = do_CONNECT = do_POST = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def opened(*pages: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """What a browser made of pages, and what it asked of other hosts."""
    with proxy() as (address, asked):
        uris = (page.as_uri() for page in pages)
        said = driven("playwright", "browser_drive.py", need("chromium"), address, *uris)
    return json.loads(said), asked


def test_a_browser_reads_the_report(tmp_path: Path) -> None:
    """The table leads to a cell with its picture, and verdicts can be left out; by keyboard alone."""
    arguments = ["drill", "--sdk", "http", "--sdk", "aiohttp", "--out", str(tmp_path)]
    done = CliRunner().invoke(cli, [*arguments, "--format", "html", *INCIDENTS])
    assert done.exit_code in (0, 1), done.output
    page = tmp_path / "drill.html"

    (found,), asked = opened(page)

    assert found["errors"] == []
    assert found["requests"] == [page.as_uri()]
    assert asked == []
    assert found["rows"] == list(INCIDENTS)
    assert found["sticky"]["scrolled"] > 20
    assert found["sticky"]["below"] == pytest.approx(1, abs=2)  # the border of the table
    assert found["link"] == "http: crlf-lines: survived"
    assert found["open"] == ["c0-crlf-lines"]
    assert 0 <= found["top"] < 700
    assert found["without"] == "survived"
    assert found["left"] == ["loading-model-503", "stream-ends-at-300s"]


def test_a_browser_draws_both_views(tmp_path: Path) -> None:
    """The server's frames stand above, the client's events below, and none of them on another."""
    page = tmp_path / "drill.html"
    arguments = ["drill", "--sdk", "aiohttp", "--out", str(tmp_path), "--format", "html"]
    done = CliRunner().invoke(cli, [*arguments, "stream-ends-at-300s"])
    assert done.exit_code in (0, 1), done.output

    (found,), _ = opened(page)

    marks = found["marks"]
    assert all(mark["width"] > 0 < mark["height"] for mark in marks)
    above = {mark["top"] for mark in marks if mark["kind"] in ("request", "frame")}
    below = {
        mark["top"] for mark in marks if mark["kind"] in ("call", "line", "raised", "returned")
    }
    (attempt, server), (client, caller) = found["lanes"]
    assert (attempt, client) == ("attempt 1", "client")
    assert above
    assert below
    assert max(above) < caller < max(below) + 20
    assert server < min(below)
    signs = sorted(
        (mark["left"], mark["width"])
        for mark in marks
        if mark["top"] < min(below) and mark["kind"] != "wait"
    )
    assert all(b[0] - a[0] > 5 for a, b in pairwise(signs))


def test_what_clients_say_stays_text_in_a_browser(tmp_path: Path) -> None:
    """No script of a client runs, and nothing of it is loaded; a page that loads would be seen."""
    evil, loads = tmp_path / "evil.html", tmp_path / "loads.html"
    evil.write_text(html(results(count=2)), "utf-8")
    loads.write_text(LOADS, "utf-8")

    (report, _), asked = opened(evil, loads)

    assert report["errors"] == []
    assert report["requests"] == [evil.as_uri()]
    assert sorted(asked) == ["http://elsewhere.test/x.png", "other.test:443"]
