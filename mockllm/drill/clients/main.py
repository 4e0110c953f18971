"""The process that drives one client: JSON lines in, JSON lines out.

    python main.py NAME

NAME is a file beside this one. Each line of standard input is one order:

- `{"op": "open", "base_url": …, "api_key": …, "timeout": …, "retries": …}` makes a new client; the
  time limit is in seconds.
- `{"op": "call", "wire": …, "model": …, "stream": …, "messages": […], "tools": […] or null, "usage": …,
  "leaves_after": … or null, "pause": …}` asks once, through that client; `usage` asks for the tokens at
  the end of a stream. After `leaves_after` chunks, events or lines of a stream the caller reads nothing
  for `pause` seconds, and leaves.

Each is answered with one line: `{"ok": true}`, or `{"seen": …, "begun": …}` with what the caller saw:
`text`, `error`, `tool_calls`, `finish`, `usage`, `model`, `left`, `seconds`. Before it comes a line for each event,
`{"event": [time, kind, text]}`, as it happens: what hangs has told them. Times are CLOCK_MONOTONIC,
which all processes of a machine share. Standard output belongs to the protocol, so what the client
prints goes to standard error. Python 3.8 or later; imports only the client.
"""

import importlib
import json
import os
import sys
import time

MAX_EVENTS = 2000
LONG = 2000
"""Characters of a text that an event shows."""


PIECES = ("chunk", "event", "line")
"""Events that a caller who leaves counts; lines without text are none."""


class Left(Exception):
    """The caller leaves here, as a loop does that is broken off."""


class Notes:
    """Tells what happens in a call, with times; raises `Left` where the caller leaves."""

    def __init__(self, target, leaves_after=None, pause=0.0):
        self.target, self.count, self.pieces = target, 0, 0
        self.leaves_after, self.pause = leaves_after, pause

    def __call__(self, kind, text=""):
        """Tell an event."""
        self.count += 1
        if self.count <= MAX_EVENTS:
            say(self.target, {"event": [time.monotonic(), kind, str(text)[:LONG]]})
        if kind in PIECES and (kind != "line" or text):
            self.pieces += 1
            if self.pieces == self.leaves_after:
                time.sleep(self.pause)
                raise Left


def say(target, what):
    """Write one line."""
    target.write(json.dumps(what) + "\n")
    target.flush()


def version_of(driver):
    """The version of the client, as its driver tells it."""
    runtime = "Python " + sys.version.split()[0]
    return {"version": driver.version(), "runtime": runtime, "wires": driver.WIRES}


def failed(driver, error):
    """An exception, as the drill knows it."""
    kind, status, code = driver.kind(error), None, None
    one, known = error, []
    while one is not None and one not in known:
        known.append(one)
        for name in ("status_code", "http_status", "status"):
            value = getattr(one, name, None)
            if status is None and isinstance(value, int) and not isinstance(value, bool):
                status = value
        value = getattr(one, "code", None)
        if code is None and isinstance(value, (int, str)):
            code = value
        one = one.__cause__ or one.__context__
    return {
        "kind": kind,
        "name": type(error).__name__,
        "message": str(error)[:2000],
        "status": status,
        "code": code,
    }


def call(driver, client, order, note):
    """Ask once; what the caller saw."""
    begun = time.monotonic()
    seen = {"text": None, "error": None, "tool_calls": None, "finish": None, "usage": None}
    note("call")
    try:
        seen.update(driver.call(client, order, note))
        note("returned")
    except Left:
        seen["left"] = True
        note("left")
    except Exception as error:
        seen["error"] = failed(driver, error)
        note("raised", type(error).__name__)
    seen["seconds"] = time.monotonic() - begun
    return {"seen": seen, "begun": begun}


def serve(driver, source, target):
    """Carry out orders until there are no more."""
    client = None
    for line in source:
        order = json.loads(line)
        if order["op"] == "open":
            client = driver.open_client(order)
            answer = {"ok": True, **version_of(driver)}
        else:
            note = Notes(target, order.get("leaves_after"), order.get("pause") or 0.0)
            answer = call(driver, client, order, note)
        say(target, answer)


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a client that prints must not break the protocol
    serve(importlib.import_module(sys.argv[1]), sys.stdin, out)
