"""The commands `mockllm` and `mockllm-server`.

Another distribution also installs a package named `mockllm`. Two of them in one environment
overwrite each other's files, so that nothing works as written; this says so in one line.
"""

from __future__ import annotations

import sys
from importlib import metadata

OURS = "mockllm-server"
OTHER = "mockllm"


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
    from mockllm.cli import cli
    from mockllm.timeline.registry import PluginError

    try:
        cli()
    except PluginError as error:
        sys.exit(f"mockllm: {error}")
