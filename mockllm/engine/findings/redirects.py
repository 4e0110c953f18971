"""What a client sends where a redirect leads it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult, unquote, urlsplit

from mockllm.engine.findings.case import Case
from mockllm.engine.findings.finding import Check, Finding, NotJudged
from mockllm.engine.journal import Entry
from mockllm.engine.select import split_path
from mockllm.matchers.redact import CREDENTIALS

REDIRECTS = (301, 302, 303, 307, 308)
SOON = 5.0
"""Seconds within which a redirect is followed."""


class CredentialsForwarded(Check):
    """A redirect leads to another origin (host or port), and the request there carries the
    credentials that the first one had.

    That it follows is seen by its host, its path and its time; other credentials than the first
    ones were meant for the other origin.
    """

    name = "credentials-forwarded"
    why = "whoever can answer with a redirect gets the key"
    remedy = "drop Authorization, API keys and cookies when a redirect changes scheme, host or port"

    def judge(self, case: Case) -> Iterator[Finding]:
        """Look at the requests that followed redirects to other origins."""
        seen = False
        for index, entry in enumerate(case.entries):
            target = elsewhere(entry)
            if target is None:
                continue
            after = next((one for one in case.entries[index + 1 :] if follows(one, entry, target)), None)  # fmt: skip
            if after is None:
                continue
            seen = True
            names = forwarded(entry, after)
            if names:
                yield self.finding(
                    (entry, after),
                    f"#{entry.number} was redirected ({entry.status}) from {host(entry)} to "
                    f"{origin(target)}, and #{after.number} carried its {' and '.join(names)} there",
                )
        if not seen:
            raise NotJudged("no request with credentials followed a redirect to another origin")


def elsewhere(entry: Entry) -> SplitResult | None:
    """Where a redirect leads a request with credentials; None where that is its own origin."""
    head = entry.plan.head
    if head is None or entry.status not in REDIRECTS or not secrets(entry):
        return None
    try:
        target = urlsplit(head.get("location") or "")
    except ValueError:  # no URL, so nobody can follow it
        return None
    return target if target.netloc and origin(target) != host(entry) else None


def origin(target: SplitResult) -> str:
    """Host and port of a URL, as `Host` names them."""
    default = {"http": ":80", "https": ":443"}.get(target.scheme, ":80")
    return target.netloc.rpartition("@")[2].lower().removesuffix(default)


def host(entry: Entry) -> str:
    """Host and port of a request."""
    name = (entry.plan.call.header("host") or "").lower()
    return name.removesuffix(":80").removesuffix(":443")


def follows(after: Entry, entry: Entry, target: SplitResult) -> bool:
    """Whether a request is the one that a redirect led to."""
    path = split_path(unquote(target.path) or "/")[1]
    soon = 0 <= after.at - (entry.ended_at or entry.at) <= SOON
    return soon and host(after) == origin(target) and after.path == path


def secrets(entry: Entry) -> dict[str, str]:
    """The credentials of a request."""
    headers = ((name.lower(), value) for name, value in entry.plan.call.headers)
    return {name: value for name, value in headers if name in CREDENTIALS}


def forwarded(entry: Entry, after: Entry) -> list[str]:
    """The credentials that two requests share."""
    there = secrets(after)
    return [name for name, value in secrets(entry).items() if there.get(name) == value]
