"""aiohttp without the certificates of the Web's authorities.

When it is imported, aiohttp reads them for the connections of its client, twice: 20 ms and 2 MB. A
server calls nobody. Where something else in the process does call through aiohttp, OpenSSL looks for
an authority in its folder of them when one is needed, and refuses the connection if there is none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

AUTHORITIES = "SSL_CERT_FILE"
"""The file that OpenSSL reads them from (its `X509_get_default_cert_file_env`)."""


@contextmanager
def without_authorities() -> Iterator[None]:
    """Import inside this what imports aiohttp; the environment is as it was afterwards."""
    before = os.environ.get(AUTHORITIES)
    os.environ[AUTHORITIES] = os.devnull
    try:
        yield
    finally:
        if before is None:
            del os.environ[AUTHORITIES]
        else:
            os.environ[AUTHORITIES] = before
