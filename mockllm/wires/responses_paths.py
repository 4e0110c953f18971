"""Where the Responses API is served, and how Azure refuses there.

OpenAI has it below `/v1/responses`; Azure below `/openai/v1/responses`, and with an `api-version`
below `/openai/responses`, which its first clients ask (Azure's reference, documented). Azure says
OpenAI's words in OpenAI's form, with its own headers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mockllm.matchers.call import Call
from mockllm.wires.dialects import asks_azure
from mockllm.wires.refusals import in_azure
from mockllm.wires.wire import Refused, Setting

BASES = ("/v1/responses", "/openai/v1/responses", "/openai/responses")
"""OpenAI's, and Azure's two."""


def everywhere(*endpoints: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Endpoints below each base."""
    return tuple((method, base + path) for base in BASES for method, path in endpoints)


def is_served(call: Call, dialect: str | None) -> bool:
    """Whether it is at OpenAI's base, or at one of Azure's and from a client of Azure.

    A profile's dialect decides where it names one; else a key or a version that only Azure has.
    """
    if not call.path.startswith("/openai/"):
        return True
    return asks_azure(call) if dialect is None else dialect == "azure"


@contextmanager
def refusing(setting: Setting) -> Iterator[None]:
    """Refuse as the dialect's server does what is refused inside, in OpenAI's words."""
    try:
        yield
    except Refused as refused:
        if setting.dialect.validation == "azure":
            raise in_azure(refused, setting.dialect, setting.identity) from None
        raise
