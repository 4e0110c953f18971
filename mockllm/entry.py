"""The commands `mockllm` and `mockllm-server`.

Another distribution also installs a package named `mockllm`. Two of them in one environment
overwrite each other's files, so that nothing works as written; this says so in one line.
"""

from __future__ import annotations

import gc
import sys
from importlib import metadata

OURS = "mockllm-server"
OTHER = "mockllm"
SELDOM = 100_000
"""New objects between two collections, where Python has 700. A start makes 200,000 that stay, and looking
through them for garbage again and again took a sixth of its time."""


def other_package() -> str | None:
    """The version of the other package named mockllm, if it is installed here."""
    try:
        return metadata.version(OTHER)
    except metadata.PackageNotFoundError:
        return None


def main() -> None:
    """Run the command line, unless the package is not ours alone."""
    version = other_package()
    if version is not None:
        sys.exit(
            f"mockllm: another package named {OTHER} ({version}) is installed over this one; run "
            f"`pip uninstall -y {OTHER} {OURS} && pip install {OURS}`"
        )
    gc.set_threshold(SELDOM)
    from mockllm.cli import cli
    from mockllm.timeline.registry import PluginError

    try:
        cli()
    except PluginError as error:
        sys.exit(f"mockllm: {error}")
