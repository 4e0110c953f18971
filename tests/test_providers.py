"""The fence around the real providers. Nothing here asks any network."""

from __future__ import annotations

import asyncio
import socket

import pytest

from mockllm.providers import HOSTS, ProviderBlocked, fenced, is_provider


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The hosts that the system would have been asked for; it knows them all."""
    hosts: list[object] = []

    def getaddrinfo(host: object, port: object, *rest: object, **more: object) -> list[object]:
        hosts.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return hosts


@pytest.mark.parametrize("host", [host for host in HOSTS if host != "amazonaws.com"])
def test_hosts(host: str) -> None:
    """A provider's host and all under it; case and a final dot do not matter."""
    assert is_provider(host)
    assert is_provider(f"mine.{host}")
    assert is_provider(f"{host.upper()}.")
    assert not is_provider(f"not{host}")
    assert not is_provider(f"{host}.example")


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", True),
        ("bedrock.us-east-1.amazonaws.com", True),
        ("s3.amazonaws.com", False),
        ("amazonaws.com", False),
        ("localhost", False),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_other_hosts(host: str, found: bool) -> None:
    """Of Amazon's hosts only Bedrock's."""
    assert is_provider(host) is found


@pytest.mark.parametrize("host", ["api.openai.com", b"api.openai.com", "API.OpenAI.com."])
def test_a_provider_is_blocked(asked: list[object], host: str | bytes) -> None:
    """The error names the host and says what to do; the system is not asked."""
    with fenced(), pytest.raises(ProviderBlocked, match=r"(?i)from calling api\.openai\.com") as e:
        socket.getaddrinfo(host, 443)
    assert "mockllm.openai_url" in str(e.value)
    assert isinstance(e.value, ConnectionRefusedError)
    assert asked == []


def test_others_pass(asked: list[object]) -> None:
    """Everything else is asked for as before, and at the end providers too."""
    real = socket.getaddrinfo
    with fenced():
        socket.getaddrinfo("localhost", 80)
        socket.getaddrinfo(None, 80)
    assert socket.getaddrinfo is real
    socket.getaddrinfo("api.openai.com", 443)
    assert asked == ["localhost", None, "api.openai.com"]


def test_the_fence_falls_with_an_error(asked: list[object]) -> None:
    """An error inside takes the fence away as well."""
    real = socket.getaddrinfo
    with pytest.raises(KeyError), fenced():
        raise KeyError
    assert socket.getaddrinfo is real


def test_asyncio(asked: list[object]) -> None:
    """Connections of asyncio are held back too."""

    async def connect() -> None:
        await asyncio.open_connection("api.anthropic.com", 443)

    with fenced(), pytest.raises(ProviderBlocked):
        asyncio.run(connect())
    assert asked == []
