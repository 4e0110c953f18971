"""A real Envoy for tests: one listener on a free port, one cluster."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.parts.installed import need

PATIENCE = 30.0
"""Seconds after which an Envoy that does not start is given up: a guard, not a measure."""
POLL = 0.02


@dataclass(frozen=True)
class Envoy:
    """Where a running Envoy listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The base URL of the listener."""
        return f"http://{self.host}:{self.port}"


def address(port: int) -> dict[str, Any]:
    """A socket address on loopback, as Envoy's configuration has it."""
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def configuration(upstream: int | None, route: dict[str, Any]) -> dict[str, Any]:
    """One listener, one route by prefix, one cluster; without an upstream the cluster is empty."""
    extensions = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{extensions}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {"match": {"prefix": "/"}, "route": {"cluster": "upstream", **route}}
                    ],
                }
            ]
        },
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{extensions}.http.router.v3.Router"}}
        ],
    }
    ends = [] if upstream is None else [{"endpoint": {"address": address(upstream)}}]
    return {
        "admin": {"address": address(0)},
        "static_resources": {
            "listeners": [
                {
                    "name": "front",
                    "address": address(0),
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": "upstream",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "upstream",
                        "endpoints": [{"lb_endpoints": ends}] if ends else [],
                    },
                }
            ],
        },
    }


@contextmanager
def envoy(folder: Path, upstream: int | None, **route: Any) -> Iterator[Envoy]:
    """Run Envoy in front of a port; `route` adds to its one route. Files go to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config, admin, log = folder / "envoy.json", folder / "admin.txt", folder / "envoy.log"
    config.write_text(json.dumps(configuration(upstream, route)), "utf-8")
    command = [need("envoy"), "-c", str(config), "--concurrency", "1", "--disable-hot-restart"]
    command += ["--admin-address-path", str(admin), "--log-path", str(log), "-l", "warning"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield wait_for(process, admin, log)
    finally:
        process.kill()
        process.wait()


def wait_for(process: subprocess.Popen[bytes], admin: Path, log: Path) -> Envoy:
    """Where the listener is, as soon as Envoy is live."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up and process.poll() is None:
        try:
            host, _, port = admin.read_text("utf-8").strip().rpartition(":")
            if ask(host, int(port), "/ready").startswith("LIVE"):
                statuses = json.loads(ask(host, int(port), "/listeners?format=json"))
                found = statuses["listener_statuses"][0]["local_address"]["socket_address"]
                return Envoy(found["address"], found["port_value"])
        except (OSError, ValueError, HTTPException):
            pass  # not yet
        time.sleep(POLL)
    said = log.read_text("utf-8") if log.exists() else ""
    raise AssertionError(f"Envoy did not start (exit status {process.poll()}): {said[-2000:]}")


def ask(host: str, port: int, path: str) -> str:
    """A document of the admin listener."""
    connection = HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
