"""What is remembered of requests, and how much of it."""

from __future__ import annotations

from mockllm.engine.remembered import LONG, Remembered


def test_the_last_are_remembered() -> None:
    """What is asked for again is not forgotten first."""
    made: list[str] = []
    remembered: Remembered[str] = Remembered(most=2)
    for words in ("a", "b", "a", "c", "a", "b"):

        def make(words: str = words) -> str:
            made.append(words)
            return words.upper()

        assert remembered.get(words, make) == words.upper()
    assert made == ["a", "b", "c", "b"]
    assert remembered.find("c") is None
    assert remembered.find("b") == "B"


def test_so_many_bytes() -> None:
    """Words count with all that they are made of."""
    remembered: Remembered[int] = Remembered(most_bytes=1000)
    for number in range(100):
        remembered.get((b"x" * 90, (("name", f"{number:010d}"),)), lambda: 1)
    assert len(remembered) == 1000 // 104


def test_what_is_long_is_not() -> None:
    """It is made each time."""
    remembered: Remembered[object] = Remembered()
    words = (b"", ("x" * LONG,))
    assert remembered.get(words, object) is not remembered.get(words, object)
    assert len(remembered) == 0
