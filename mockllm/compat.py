"""`serve --compat vllm`: the command line of another server, for manifests in which mockllm takes
its place.

What mockllm has too is taken as its own (`--host`, `--port`, `--seed`), names of models become the
profile's, `--max-model-len` and `--api-key` its account's context and good keys, and everything else
is accepted and ignored; the log says what. vLLM's options are those of `vllm serve` and of its API
server (documented): they are written with dashes or underscores, and some take several values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded

PORT = 8000
"""Where vLLM listens unless it is told otherwise."""
OWN = frozenset(
    {"--compat", "--host", "--log-format", "--port", "--profiles", "--ready-file", "--seed", "--speed"}
)  # fmt: skip
"""Options of mockllm with one value."""
FLAGS = frozenset({"--help", "--print-url", "-h"})
"""Those without any."""
UNITS = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate("kmgt", 1)},
    **{unit: 1024**power for power, unit in enumerate("KMGT", 1)},
}
"""What vLLM writes behind a number (its `human_readable_int`, documented): `25.6k`, `4K`."""


@dataclass(frozen=True, slots=True)
class Line:
    """A command line of vLLM, as mockllm understands it."""

    own: tuple[str, ...]
    """The arguments that mockllm has too."""
    models: tuple[str, ...]
    """The names under which models are served."""
    ignored: tuple[str, ...]
    """The names of all other options, without their values, of which some are secret."""
    context: int | None = None
    """The tokens of `--max-model-len`."""
    keys: tuple[str, ...] = ()
    """The keys of `--api-key`, of which any is good; none where none is asked for."""


def is_meant(arguments: Sequence[str]) -> bool:
    """Whether a command line is another server's."""
    return any(one == "--compat" or one.startswith("--compat=") for one in arguments)


def understood(arguments: Sequence[str]) -> Line:
    """What a command line of vLLM says: `MODEL --served-model-name A B --port 9000 …`."""
    own: list[str] = []
    model: list[str] = []
    served: list[str] = []
    ignored: list[str] = []
    context: int | None = None
    keys: list[str] = []
    for name, values in options(arguments):
        if name in FLAGS:
            own.append(name)
            model += values
        elif name in OWN:
            own += [name, *values[:1]]
            model += values[1:]
        elif name in ("", "--model"):
            model += values
        elif name == "--served-model-name":
            served += values
        elif name == "--api-key" and values:
            keys += filter(None, values)
        elif name == "--max-model-len" and values and whole(values[0]):
            context = whole(values[0])
            model += values[1:]
        else:
            ignored.append(name)
    return Line(tuple(own), tuple(served or model[:1]), tuple(ignored), context, tuple(keys))


def whole(text: str) -> int | None:
    """A number of tokens as vLLM reads it; None for what is none (`auto`) and below 1."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgtKMGT]?)", text, re.ASCII)
    if found is None:
        return None
    return int(Decimal(found[1]) * UNITS[found[2]]) or None


def options(arguments: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The options with the values behind them; what stands before the first has no name."""
    name, values = "", list[str]()
    for one in arguments:
        if not one.startswith("-"):
            values.append(one)
            continue
        yield name, values
        word, sign, value = one.partition("=")
        name, values = word.replace("_", "-"), [value] if sign else []
    yield name, values


def imitating(library: Library, loaded: Loaded, line: Line) -> Loaded:
    """The profile as vLLM's: with its dialect, unless it has one, and what the line says of models,
    context and keys.

    Raises `ProfileError`.
    """
    data = {key: value for key, value in loaded.data.items() if key != "extends"}
    data = {"dialect": "vllm", **data} | ({"models": list(line.models)} if line.models else {})
    account = dict(data.get("account") or {})
    if line.context:
        account["context"] = line.context
    if line.keys:
        account["keys"] = {**(account.get("keys") or {}), "accept": list(line.keys)}
    if account:
        data["account"] = account
    return library.load_text(json.dumps(data), loaded.name, "--compat vllm")
