"""Certificates for listeners with TLS: a made-up authority of this process (extra `tls`)."""

from __future__ import annotations

import ssl
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trustme

NAMES = ("localhost", "127.0.0.1", "::1")


class TlsMissing(Exception):
    """The extra is not installed."""


@cache
def authority() -> trustme.CA:
    """The authority that all certificates of this process come from."""
    try:
        import trustme
    except ImportError:
        raise TlsMissing(
            "a listener with `tls: true` needs the extra: pip install 'mockllm-server[tls]'"
        ) from None
    return trustme.CA()


def authority_pem() -> str:
    """The authority's certificate, for clients that are to trust it."""
    return authority().cert_pem.bytes().decode("ascii")


@cache
def server_context() -> ssl.SSLContext:
    """What a listener needs to speak TLS. HTTP/1.1 only is offered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(*NAMES).configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    return context
