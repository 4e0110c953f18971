"""What is drilled: an SDK, a gateway, a command or a Python function, described in a small file."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from mockllm.drill.limits import Limits
from mockllm.drill.runtimes import DRIVERS
from mockllm.faults.values import Duration, Strict, Text, expected, hint_for

CLIENTS = tuple(DRIVERS)


class BadSystem(Exception):
    """A system cannot be drilled as it is described."""


class Start(Strict):
    """How a gateway is started, with its real configuration.

    Placeholders, in its command, configuration, variables and headers: `{{config}}`, the path of the
    configuration; `{{folder}}`, a folder of its own; `{{port}}`, where it listens; `{{upstream}}`,
    the host and port of the drill's server, and `{{upstream_port}}`; `{{timeout}}` in seconds,
    `{{timeout_ms}}` and `{{retries}}`, the limits of the drill; `{{program}}`.
    """

    command: tuple[Text, ...] = Field(
        min_length=1,
        description="Program and arguments, with placeholders; the program is looked for on PATH.",
    )
    config: Text | None = Field(
        None,
        description="The file beside this one that holds its configuration, with placeholders.",
    )
    ready: Text = Field("/", description="The path that answers when it is ready.")
    within: Duration = Field(60.0, description="How long that may take.")
    version: tuple[Text, ...] = Field(
        (), description="The command that prints its version, with placeholders."
    )
    environment: dict[str, Text] = Field({}, description="Variables that it needs.")


class System(Strict):
    """One system under test."""

    name: Text = Field(description="Its name in tables.")
    about: Text = Field("", description="What it is, in a sentence.")
    client: Text | None = Field(
        None, description="The client that is drilled, or that asks a gateway (http by default)."
    )
    command: Text | None = Field(None, description="A program that is run once per incident.")
    wires: tuple[Text, ...] = Field(
        ("openai.chat",), description="The APIs that a program or a gateway speaks."
    )
    gateway: Text | None = Field(None, description="The base URL of a gateway that runs already.")
    listen: Text = Field(
        "127.0.0.1:8089", description="Where a gateway that runs already finds its upstream."
    )
    start: Start | None = Field(None, description="How a gateway is started.")
    timeout: Duration | None = Field(
        None, description="Its own time limit, where it has another than the drill gives."
    )
    retries: int | None = Field(
        None, ge=0, description="Its own retries, where it has others than the drill gives."
    )
    fallback: Text | None = Field(
        None,
        description="The model that a gateway falls back to, as its upstream is asked for it; `*` stands "
        "for any letters.",
    )
    select: Literal["model", "key", "path", "header"] = Field(
        "model", description="What a gateway lets through, to choose the incident by."
    )
    model: Text = Field("mock-{incident}", description="The model that is asked for.")
    key: Text = Field("mockllm-not-a-key", description="The key that the gateway wants.")
    path: Text = Field("/v1", description="The path behind the gateway's address.")
    headers: dict[str, Text] = Field({}, description="Headers that the gateway wants.")
    jobs: int | None = Field(
        None, ge=1, description="How many cells may run at a time where that is less than `--jobs`."
    )
    needs: Text = Field("", description="What has to be installed, and where it cannot run.")

    @field_validator("client")
    @classmethod
    def known_client(cls, name: str | None) -> str | None:
        """Refuse a client that nothing drives."""
        if name is not None and name not in CLIENTS:
            raise expected(" or ".join(CLIENTS), name)
        return name

    @model_validator(mode="after")
    def one_kind(self) -> System:
        """Refuse a system that is several things, or none."""
        given = [k for k in ("command", "gateway", "start") if getattr(self, k) is not None]
        if len(given) > 1:
            raise expected("one of command, gateway and start", dict.fromkeys(given))
        if not given and self.client is None:
            raise expected("client, command, gateway or start", {})
        return self

    def limits(self, given: Limits) -> Limits:
        """The drill's limits with its own in their place."""
        timeout = given.timeout if self.timeout is None else self.timeout
        return replace(
            given,
            timeout=timeout,
            retries=given.retries if self.retries is None else self.retries,
            guard=max(given.guard, timeout),
        )

    def described(self, given: Limits) -> str:
        """What it is, and its own limits where it has some."""
        own = self.limits(given)
        if own == given:
            return self.about
        return f"{self.about} Its own limits: {own.as_text()}.".lstrip()

    @property
    def is_gateway(self) -> bool:
        """Whether it stands between a client and the server."""
        return self.gateway is not None or self.start is not None


def shipped() -> Path:
    """The folder of the systems that ship."""
    return Path(str(files("mockllm.drill"))) / "systems"


def names() -> tuple[str, ...]:
    """The systems that ship; a name with a dot is a template beside one."""
    return tuple(sorted(p.stem for p in shipped().glob("*.yaml") if "." not in p.stem))


def load_system(name: str) -> tuple[System, Path]:
    """A system by name or path, and the folder of its configuration; raises `BadSystem`."""
    is_path = "/" in name or name.endswith((".yaml", ".yml"))
    path = Path(name) if is_path else shipped() / f"{name}.yaml"
    if not path.is_file():
        hint = hint_for([name], names()) or f"known: {', '.join(names())}"
        raise BadSystem(f"there is no system named '{name}'; {hint} (or the path of a file)")
    try:
        return System.model_validate(yaml.safe_load(path.read_text("utf-8"))), path.parent
    except (ValidationError, yaml.YAMLError) as error:
        raise BadSystem(f"{path}: {error}") from None
