"""Which limit of which client ends which wait: `python -m tests.stories.timeouts`."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from mockllm import MockLLM
from mockllm.engine.calls import Calls
from tests.parts.installed import PARTS, need
from tests.stories.page import draw, installed, table, write
from tests.stories.picture import Bar, Kind, of_calls, svg

LIMIT, GATEWAY, GUARD = 3.0, 1.0, 15.0
"""Seconds: of the client's limit, of the gateway's, and after which a client waits for ever."""
POLL = 0.02
PROGRAMS = Path(__file__).parent / "programs"
CLIENTS = ("openai-0.27", "openai", "openai-node")

SITUATIONS = (
    "never accepted",
    "full pool",
    "silence before headers",
    "silence between frames",
    "slow drip",
)
BEHIND = (
    "nginx: nobody behind it",
    "nginx: silence before headers",
    "nginx: silence between frames",
)
DRIP = """mockllm: 1
about: Twelve words, and half a second between them.
script: {text: one two three four five six seven eight nine ten eleven twelve}
faults: [{wait: {drip: 500ms}, at: after content 1}]
"""
NGINX = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_read_timeout {limit}s;
    location / {{ proxy_pass {upstream}; }}
    location /nobody/ {{ proxy_pass http://127.0.0.1:{nobody}; }}
  }}
}}
"""


class Outcome(NamedTuple):
    """What a client made of a situation, after so many seconds.

    `whole`, `cut`, `empty`: what came of the stream. `waits`: nothing until the guard. Digits: the
    status. Else the exception's name.
    """

    said: str
    seconds: float


class Run(NamedTuple):
    """The outcomes by client and limit and by situation, and what nginx's upstream saw."""

    outcomes: dict[tuple[str, str], Outcome]
    behind_nginx: Calls


@contextmanager
def nginx(upstream: str, folder: Path) -> Iterator[str]:
    """Run nginx in front of a server; its URL."""
    with closing(socket.socket()) as nobody, closing(socket.socket()) as one:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        one.close()
        config = folder / "nginx.conf"
        filled = NGINX.format(
            folder=folder,
            port=port,
            upstream=upstream,
            nobody=nobody.getsockname()[1],
            limit=int(GATEWAY),
        )
        config.write_text(filled, "utf-8")
        command = [
            need("nginx"),
            "-p",
            str(folder),
            "-c",
            str(config),
            "-e",
            str(folder / "error.log"),
        ]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(process, port, folder)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def wait_for(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Return when nginx listens."""
    give_up = time.monotonic() + GUARD
    while time.monotonic() < give_up and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), GUARD).close()
        except OSError:
            time.sleep(POLL)
        else:
            return
    raise AssertionError(f"nginx did not start: {(folder / 'error.log').read_text('utf-8')}")


def command_of(client: str) -> list[str]:
    """How the program of a client is run."""
    if client == "openai-node":
        node = shutil.which("node")
        assert node is not None, "openai-node is installed, so node ought to be there"
        return [node, str(PROGRAMS / "timeouts_node.mjs"), str(PARTS / client)]
    name = "timeouts_openai.py" if client == "openai" else "timeouts_aiohttp.py"
    return [need(client), str(PROGRAMS / name)]


def outcomes(client: str, urls: dict[str, str]) -> dict[tuple[str, str], Outcome]:
    """Run the program of a client."""
    others = {"PYTHONPATH", "PYTHONHOME"}  # that environment has its own packages
    kept = {name: value for name, value in os.environ.items() if name not in others}
    done = subprocess.run(
        command_of(client),
        input=json.dumps({"limit": LIMIT, "guard": GUARD, "urls": urls}),
        env={**kept, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=GUARD * 10,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    rows = json.loads(done.stdout)
    return {(who, where): Outcome(said, seconds) for who, where, said, seconds in rows}


def run(clients: tuple[str, ...] = CLIENTS) -> Run:
    """Put the clients, one after the other, into every situation."""
    found: dict[tuple[str, str], Outcome] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "drip.yaml").write_text(DRIP, "utf-8")
        with (
            MockLLM(profiles=folder) as mock,
            MockLLM("connect-blackhole") as deaf,
            MockLLM() as upstream,
            nginx(upstream.url, folder) as gateway,
        ):
            urls = {
                "never accepted": f"{deaf.listeners['blackhole']}/v1",
                "full pool": f"{mock.url}/p/hang-before-headers/v1",
                "silence before headers": f"{mock.url}/p/hang-before-headers/v1",
                "silence between frames": f"{mock.url}/p/openai-stream-hang-600s/v1",
                "slow drip": f"{mock.url}/p/drip/v1",
                "nginx: nobody behind it": f"{gateway}/nobody/v1",
                "nginx: silence before headers": f"{gateway}/p/hang-before-headers/v1",
                "nginx: silence between frames": f"{gateway}/p/openai-stream-hang-600s/v1",
            }
            for client in clients:
                found |= outcomes(client, urls)
            upstream.settle()
            return Run(found, upstream.calls)


def shown(outcome: Outcome | None) -> str:
    """A cell of the table."""
    if outcome is None:
        return "–"
    return "waits" if outcome.said == "waits" else f"{outcome.said}, {outcome.seconds:.1f} s"


def main() -> None:
    """Write the page's tables and picture."""
    happened = run()
    found = happened.outcomes
    who = list(dict.fromkeys(one for one, _ in found))
    for mark, columns in {"measured-1": SITUATIONS, "measured-2": BEHIND}.items():
        rows = [[one, *(shown(found.get((one, where))) for where in columns)] for one in who]
        write("timeouts", mark, table(["Client, limit", *columns], rows))
    kinds: dict[str, Kind] = {"waits": "bad", "whole": "good"}
    bars = [
        Bar(
            where,
            0.0,
            None if outcome.said == "waits" else outcome.seconds,
            f"{limit}: {outcome.said}",
            kinds.get(outcome.said, "wait"),
        )
        for where in SITUATIONS
        for limit in (
            "aiohttp, total",
            "aiohttp, sock_read",
            "openai async, read",
            "openai-node, timeout",
        )
        if (outcome := found.get((limit, where)))
    ]
    (left,) = [one for one in happened.behind_nginx if one.peer_left_at][:1]
    seen = [
        bar._replace(begin=0.0, end=(bar.end or left.at) - left.at, kind="bad")
        for bar in of_calls("upstream of nginx", Calls([left]))
    ]
    draw("timeouts", svg(f"Limits of {LIMIT:g} s, and what they end", [*bars, *seen]))
    print(*map(installed, CLIENTS), sep="\n")


if __name__ == "__main__":
    main()
