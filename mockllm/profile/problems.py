"""What is wrong with a profile, and where; all of it at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake, with its place: line and column count from 1."""

    line: int
    column: int
    path: str
    message: str
    file: str = ""
    """Where it is another file than the one that was asked for."""

    def render(self, file: str) -> str:
        """`file:line:column: path: message`"""
        path = f"{self.path}: " if self.path else ""
        return f"{self.file or file}:{self.line}:{self.column}: {path}{self.message}"


class ProfileError(Exception):
    """A profile that cannot be used; `problems` are in the order of their lines."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = sorted(problems, key=lambda problem: (problem.file, problem))
        super().__init__("\n".join(problem.render(file) for problem in self.problems))
