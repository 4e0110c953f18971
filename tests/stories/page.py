"""The pages of `docs/stories`: pictures and tables that a run writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tests.parts.installed import PARTS, STAMP

STORIES = Path(__file__).parents[2] / "docs/stories"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(page: str, mark: str, content: str) -> None:
    """Put a table behind the comment of this name in a page, in the place of the one before.

    Raises `ValueError` for a page without such a comment.
    """
    path = STORIES / f"{page}.md"
    place = re.compile(rf"(<!-- {mark} -->\n)(?:\|.*\n)*")
    found, count = place.subn(lambda match: match[1] + content, path.read_text("utf-8"))
    if count != 1:
        raise ValueError(f"{path}: expected one <!-- {mark} -->, got {count}")
    path.write_text(found, "utf-8")


def draw(page: str, picture: str) -> None:
    """Write the picture of a page."""
    (STORIES / f"{page}.svg").write_text(picture, "utf-8")


def installed(part: str) -> str:
    """The versions in the environment of a part."""
    return (PARTS / part / STAMP).read_text("utf-8").splitlines()[1]
