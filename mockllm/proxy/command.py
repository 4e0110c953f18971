"""The body of `mockllm proxy`; returns the exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded
from mockllm.proxy.application import LiveApplication
from mockllm.proxy.notes import notes
from mockllm.record.upstream import Upstream
from mockllm.server.serve import Options, run


def proxy(library: Library, profiles: Sequence[Loaded], options: Options) -> int:
    """Pass calls on until a signal. Status 1 where that cannot begin."""
    try:
        upstream = Upstream(options.upstream or "")
    except ValueError as error:
        print(f"mockllm: {error}", file=sys.stderr)  # noqa: T201
        return 1
    for profile in profiles:
        for note in notes(profile):
            print(note.render(profile.file), file=sys.stderr)  # noqa: T201
    return run(library, profiles, options, partial(LiveApplication, upstream))
