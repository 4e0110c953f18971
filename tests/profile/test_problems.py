"""How problems are shown."""

from __future__ import annotations

from mockllm.profile.problems import Problem, ProfileError


def test_problems_are_shown_in_the_order_of_their_lines() -> None:
    """Each problem has its own line: file, line, column, path and message."""
    error = ProfileError(
        "p.yaml",
        [
            Problem(3, 1, "b", "late"),
            Problem(1, 5, "", "no path"),
            Problem(1, 2, "a[0].c", "early"),
        ],
    )
    assert str(error) == "p.yaml:1:2: a[0].c: early\np.yaml:1:5: no path\np.yaml:3:1: b: late"
    assert error.file == "p.yaml"
