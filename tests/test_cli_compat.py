"""`serve --compat vllm`: vLLM's command line, from its words to a server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from click.testing import CliRunner

from mockllm.cli import cli
from mockllm.compat import Line, imitating, is_meant, understood
from mockllm.profile.library import Library
from tests.test_serve import serving

COMPAT = ("--compat", "vllm")


def line(
    *own: str,
    models: tuple[str, ...] = (),
    ignored: tuple[str, ...] = (),
    context: int | None = None,
    keys: tuple[str, ...] = (),
) -> Line:
    """A command line as it must be understood."""
    return Line((*COMPAT, *own), models, ignored, context, keys)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], line()),
        (["meta/llama"], line(models=("meta/llama",))),
        (["--model", "meta/llama"], line(models=("meta/llama",))),
        (["--model", "meta/llama", "--served-model-name", "a", "b"], line(models=("a", "b"))),
        (["meta/llama", "--served_model_name=a"], line(models=("a",))),
        (["--port", "9000", "meta/llama", "--host=::1"], line("--port", "9000", "--host", "::1", models=("meta/llama",))),
        (["--print-url", "meta/llama"], line("--print-url", models=("meta/llama",))),
        (["m", "--max-model-len", "4096", "--api-key", "s3cret", "--enable-prefix-caching"], line(models=("m",), context=4096, keys=("s3cret",), ignored=("--enable-prefix-caching",))),
        (["--max_model_len=25.6k", "--api-key", "a", "b"], line(context=25600, keys=("a", "b"))),
        (["--max-model-len", "4K", "m", "--api-key="], line(models=("m",), context=4096)),
        (["--max-model-len", "auto", "--api-key"], line(ignored=("--max-model-len", "--api-key"))),
        (["--max-model-len", "-1"], line(ignored=("--max-model-len", "-1"))),
        (["--max-model-len", "0"], line(ignored=("--max-model-len",))),
        (["--lora-modules", "a=b", "c=d", "-tp", "2", "--seed", "7"], line("--seed", "7", ignored=("--lora-modules", "-tp"))),
        (["--override-generation-config", '{"temperature": 1}'], line(ignored=("--override-generation-config",))),
    ],
)  # fmt: skip
def test_understood(arguments: list[str], expected: Line) -> None:
    """What mockllm has too is kept, models have their names, the rest is ignored."""
    assert understood([*COMPAT, *arguments]) == expected


def test_is_meant() -> None:
    """Only a command line that says so is another server's."""
    assert is_meant(["m", "--compat", "vllm"])
    assert is_meant(["--compat=vllm"])
    assert not is_meant(["default", "--port", "1"])


def test_the_profile_becomes_vllms() -> None:
    """Dialect and models are vLLM's; the faults, and a dialect of its own, stay."""
    library = Library()
    flaky = imitating(library, library.find("rate-limited"), line(models=("a", "b")))
    assert (flaky.profile.dialect, flaky.profile.models) == ("vllm", ("a", "b"))
    assert (flaky.name, len(flaky.profile.all_routes[0].faults)) == ("rate-limited", 1)
    own = library.load_text("mockllm: 1\ndialect: openai\nmodels: [x]\n", "own")
    kept = imitating(library, own, line()).profile
    assert (kept.dialect, kept.models, kept.account) == ("openai", ("x",), None)


def test_the_account_becomes_the_lines() -> None:
    """Context and keys are the line's; what else the account says stays."""
    library = Library()
    own = library.load_text(
        "mockllm: 1\naccount: {rpm: 3, context: 9, keys: {revoked: {old: 1s}}}\n", "own"
    )
    account = imitating(library, own, line(context=4096, keys=("a", "b"))).profile.account
    assert account is not None
    assert account.keys is not None
    assert (account.rpm, account.context, account.keys.accept) == (3, 4096, ("a", "b"))
    assert account.keys.revoked == {"old": 1.0}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--compat", "sglang"], "'sglang' is not 'vllm'"),
        (["--compat"], "Option '--compat' requires an argument"),
        ([*COMPAT, "--port", "x"], "'x' is not a valid integer"),
        (["--served-model-name", "a"], "No such option"),
    ],
)
def test_what_is_refused(arguments: list[str], words: str) -> None:
    """A server that nobody knows, a wrong value of mockllm's own, and vLLM's words without it."""
    result = CliRunner().invoke(cli, ["serve", *arguments])
    assert result.exit_code == 2
    assert words in result.output


def get(url: str, key: str | None = None) -> Any:
    """A JSON document."""
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    asked = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return json.loads(answer.read())


def test_a_server_in_vllms_place() -> None:
    """It lists the served names, speaks as vLLM does, and the log names what it ignores."""
    names = ("--served-model-name", "a", "b")
    arguments = (
        *names,
        "--api-key",
        "s3cret",
        "--max-model-len",
        "4096",
        "-tp",
        "2",
        "--swap",
        "4",
    )
    with serving(*COMPAT, "--log-format", "json", *arguments) as process:
        models = get(f"{process.url}/v1/models", "s3cret")["data"]
        assert [(one["id"], one["max_model_len"]) for one in models] == [("a", 4096), ("b", 4096)]
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(f"{process.url}/v1/models", "wrong")
        assert get(f"{process.url}/version") == {"version": "0.24.0"}
        status, err = process.end()
    assert status == 0
    assert "--compat vllm ignores -tp, --swap" in err
    assert "s3cret" not in err


def test_the_port_is_vllms() -> None:
    """Without a port it is vLLM's, as a manifest expects; the environment's wins."""
    found: dict[str, Any] = {}

    def remember(library: Library, loaded: object, options: Any) -> int:
        found["port"] = options.port
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mockllm.server.serve.run", remember)
        for arguments, environment, port in (
            ([*COMPAT], {}, 8000),
            ([*COMPAT], {"MOCKLLM_PORT": "7"}, 7),
            ([*COMPAT, "--port", "9"], {}, 9),
            ([], {}, 8080),
        ):
            result = CliRunner().invoke(cli, ["serve", *arguments], env=environment)
            assert (result.exit_code, found.pop("port")) == (0, port)
