"""Which profile a request means: path prefix, header, API key, model, or the server's own.

Gateways strip headers and tests run in parallel, so there are four ways, in this order. Only exact
known names select. A request that tries to select and names nothing is refused with the nearest
names; it never gets a healthy answer by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import PREFIX as PREFIX
from mockllm.matchers.call import Call, split_name
from mockllm.profile.library import unknown
from mockllm.timeline.valueclass import replace, valueclass
from mockllm.wires.wire import Refused

API_KEY = "mockllm-not-a-key"
"""What clients send that need a key and have none: no secret scanner takes it for one."""
HEADER = "x-mockllm-profile"
PLAIN = "chooses nothing"
"""What is remembered of a request that chooses no profile, with its model: most do not, and come again."""


@valueclass(frozen=True, slots=True)
class Selection:
    """The profile's name (None: the server's own), and the call without what chose it."""

    name: str | None
    call: Call
    by: str = "server"


def split_path(path: str) -> tuple[str | None, str]:
    """`/p/NAME/v1/models` as name and path."""
    if not path.startswith("/p/"):
        return None, path
    name, slash, rest = path.removeprefix("/p/").partition("/")
    return name, slash + rest if slash else "/"


def select(call: Call, path_name: str | None, known: Callable[[], Collection[str]]) -> Selection:
    """Choose; raises `Refused` for a name that nothing has.

    `path_name` is what `split_path` found, `known` tells every name that can be chosen.
    """
    named = call.named
    key_name, session = named.chosen
    model_name, real_model = split_name(call.model)
    if session != call.session:
        call = replace(call, session=session)
    if real_model:
        call = replace(call, model=real_model)
    if path_name is not None:
        return Selection(checked(path_name, known(), 404, "path"), call, "path")
    header = named.get(HEADER)
    if header is not None:
        return Selection(checked(header, known(), 404, HEADER), call, "header")
    if key_name is not None:
        return Selection(checked(key_name, known(), 401, "API key"), call, "key")
    if model_name is not None:
        return Selection(checked(model_name, known(), 404, "model"), call, "model")
    if not call.session:
        call.memo[PLAIN] = call.model
    return Selection(None, call)


def chooses_nothing(call: Call) -> bool:
    """Whether a call is known to choose no profile, unless its path does."""
    return call.memo.get(PLAIN, PLAIN) is call.model


def checked(name: str, names: Collection[str], status: int, place: str) -> str:
    """The name, if a profile has it."""
    if name in names:
        return name
    code = "invalid_api_key" if status == 401 else "model_not_found"
    raise Refused(
        ErrorSpec(
            status=status,
            message=f"{unknown(name, names)} (asked for by the {place})",
            error_type="invalid_request_error",
            code=code,
            param="model" if place == "model" else None,
        )
    )
