"""What a server does without."""

from __future__ import annotations

import os

import pytest

from mockllm.server.lean import AUTHORITIES, without_authorities


@pytest.mark.parametrize("before", [None, "/etc/ssl/cert.pem"])
def test_the_environment_is_as_it_was(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Authorities are out of sight only while aiohttp is imported, also when that fails."""
    monkeypatch.delenv(AUTHORITIES, raising=False)
    if before is not None:
        monkeypatch.setenv(AUTHORITIES, before)
    seen = []

    def fail() -> None:
        with without_authorities():
            seen.append(os.environ[AUTHORITIES])
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert seen == [os.devnull]
    assert os.environ.get(AUTHORITIES) == before
