"""The variables that point clients to a server."""

from __future__ import annotations

import pytest

from mockllm.engine.select import API_KEY
from mockllm.environment import POINTERS, environment, with_host

URL = "http://127.0.0.1:8080"


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own."""
    for name in ("NO_PROXY", "no_proxy", "ANTHROPIC_AUTH_TOKEN", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_addresses() -> None:
    """OpenAI's base URL has /v1; Anthropic's and Azure's have not."""
    found = environment(URL)
    assert found["OPENAI_BASE_URL"] == found["OPENAI_API_BASE"] == f"{URL}/v1"
    assert found["ANTHROPIC_BASE_URL"] == found["AZURE_OPENAI_ENDPOINT"] == URL


def test_keys_are_none() -> None:
    """Every key is one that opens nothing."""
    keys = {value for name, value in environment(URL).items() if name.endswith("_KEY")}
    assert keys == {API_KEY}
    assert not API_KEY.startswith("sk-")


def test_other_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens that win over keys are hidden where they are set, and not made up where not."""
    assert "ANTHROPIC_AUTH_TOKEN" not in environment(URL)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "real")
    assert environment(URL)["ANTHROPIC_AUTH_TOKEN"] == API_KEY


@pytest.mark.parametrize("vendor", POINTERS)
def test_one_vendor(vendor: str) -> None:
    """Only the variables of the vendors that were asked for."""
    assert set(environment(URL, (vendor,))) == {*POINTERS[vendor], "NO_PROXY", "no_proxy"}


def test_no_vendor() -> None:
    """Without a vendor only the proxy is kept away."""
    assert set(environment(URL, ())) == {"NO_PROXY", "no_proxy"}


def test_a_wrong_vendor() -> None:
    """A vendor that is not known is refused with those that are."""
    with pytest.raises(ValueError) as refused:
        environment(URL, ("openai", "opanai"))
    assert str(refused.value) == "expected openai, anthropic, azure, got 'opanai'"


@pytest.mark.parametrize(
    ("hosts", "host", "found"),
    [
        ("", "a", "a"),
        ("a", "a", "a"),
        (" b , a ", "a", "b,a"),
        ("b,,", "a", "b,a"),
        ("*", "a", "*"),
        ("b", "::1", "b,::1"),
    ],
)
def test_with_host(hosts: str, host: str, found: str) -> None:
    """A host is added once, and not where everything is exempt."""
    assert with_host(hosts, host) == found


def test_an_address_of_version_6() -> None:
    """The host stands there without its brackets."""
    assert environment("http://[::1]:8080")["NO_PROXY"] == "::1"
