"""Texts that match a regular expression, for a small subset: what schemas use in `pattern`.

Characters, escapes (`\\d \\w \\s`), classes, groups, alternatives, anchors and quantifiers. There
are no look-arounds, back references or word boundaries. Nothing is ever matched against a pattern,
which may come from a request: the texts are right because of how they are made.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from random import Random

WORD = string.ascii_lowercase + string.digits + "_"
PRINTABLE = string.ascii_letters + string.digits + "-_.:/+ "
CLASSES = {"d": string.digits, "w": WORD, "s": " ", "D": string.ascii_lowercase, "S": WORD}
"""Of each class some characters that read well."""
MEMBERS = {
    **CLASSES,
    "w": string.ascii_letters + string.digits + "_",
    "s": " \t\n\r\f\v",
    "S": string.ascii_letters + string.digits + string.punctuation,
    "D": string.ascii_letters + string.punctuation + " ",
}
"""What a negated class must leave out."""
CONTROL = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
MOST = 1_000
"""The highest count that is repeated."""
STRETCHES = (1, *range(80), *range(100, MOST, 50))
"""How much more often than needed things are repeated, until the length fits."""


class Unsupported(Exception):
    """The pattern is not in the subset."""


@dataclass(slots=True)
class Repeat:
    """One of some characters, or one of some sequences, so many times."""

    chars: str = ""
    choices: list[list[Repeat]] = field(default_factory=list)
    least: int = 1
    most: int | None = 1


def matching(pattern: str, random: Random, least: int = 0, most: int | None = None) -> str | None:
    """A text that matches and has such a length; None where none was found."""
    try:
        choices = Parser(pattern).alternatives()
    except (Unsupported, RecursionError):
        return None
    whole = Repeat(choices=choices)
    for stretch in STRETCHES:
        for _ in range(8):
            text = render(whole, random, stretch)
            if len(text) >= least and (most is None or len(text) <= most):
                return text
    return None


def render(part: Repeat, random: Random, stretch: int) -> str:
    """A text for one part; `stretch` is how much more often than needed things are repeated."""
    most = min(part.least + stretch if part.most is None else part.most, part.least + stretch)
    count = random.randint(part.least, max(part.least, most))
    if stretch > 2:
        count = random.randint(max(part.least, most * 3 // 4), max(part.least, most))
    if part.chars:
        return "".join(random.choices(part.chars, k=count))
    texts = []
    for _ in range(count):
        chosen = random.choice(part.choices)
        texts.append("".join(render(inner, random, stretch) for inner in chosen))
    return "".join(texts)


class Parser:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.place = 0

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self.pattern[self.place : self.place + 1]

    def take(self) -> str:
        """The next character, which is then behind; there must be one."""
        char = self.peek()
        if not char:
            raise Unsupported
        self.place += 1
        return char

    def skip(self, text: str) -> bool:
        """Whether this text comes next; it is then behind."""
        found = self.pattern.startswith(text, self.place)
        if found:
            self.place += len(text)
        return found

    def alternatives(self, depth: int = 0) -> list[list[Repeat]]:
        """Sequences between bars, up to the end of the pattern or of the group."""
        choices = [self.sequence(depth)]
        while self.skip("|"):
            choices.append(self.sequence(depth))
        if depth == 0 and self.peek():
            raise Unsupported
        return choices

    def sequence(self, depth: int) -> list[Repeat]:
        """Parts that follow each other."""
        parts = []
        while self.peek() not in ("", "|", ")"):
            char = self.take()
            if char in "^$":
                continue
            part = self.part(char, depth)
            part.least, part.most = self.quantifier()
            parts.append(part)
        return parts

    def part(self, char: str, depth: int) -> Repeat:
        """What one character begins."""
        if char == "(":
            if self.skip("?:") or self.peek() != "?":
                choices = self.alternatives(depth + 1)
                if not self.skip(")"):
                    raise Unsupported
                return Repeat(choices=choices)
            raise Unsupported
        if char == "[":
            return Repeat(self.char_class())
        if char == ".":
            return Repeat(string.ascii_lowercase)
        if char == "\\":
            return Repeat(self.escape(CLASSES))
        if char in "*+?{":
            raise Unsupported
        return Repeat(char)

    def escape(self, classes: dict[str, str]) -> str:
        """The characters that an escape stands for."""
        char = self.take()
        if char in classes:
            return classes[char]
        if char in CONTROL:
            return CONTROL[char]
        if char.isalnum():  # \b, \1, \p{…} and the like
            raise Unsupported
        return char

    def char_class(self) -> str:
        """The characters between brackets."""
        negated = self.skip("^")
        chars = ""
        while self.peek() != "]" or not chars:
            char = self.take()
            found = self.escape(MEMBERS if negated else CLASSES) if char == "\\" else char
            if len(found) == 1 and self.peek() == "-" and self.pattern[self.place + 1 :][:1] != "]":
                self.take()
                last = self.take()
                last = self.escape({}) if last == "\\" else last
                if not found <= last or ord(last) - ord(found) > 0x3000:
                    raise Unsupported
                found = "".join(map(chr, range(ord(found), ord(last) + 1)))
            chars += found
        self.take()
        if not negated:
            return chars
        left = "".join(char for char in PRINTABLE if char not in chars)
        if not left:
            raise Unsupported
        return left

    def quantifier(self) -> tuple[int, int | None]:
        """How often the part before it stands."""
        char = self.peek()
        least: int
        most: int | None
        if char and char in "*+?":
            self.take()
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        elif char == "{":
            self.take()
            first = self.digits()
            most = first
            if self.skip(","):
                most = None if self.peek() == "}" else self.digits()
            if not self.skip("}"):
                raise Unsupported
            least = first
            if least > MOST or (most is not None and most < least):
                raise Unsupported
        else:
            return 1, 1
        if self.peek() == "?":  # lazy: the same texts
            self.take()
        elif self.peek() == "+":  # possessive, which schemas do not know: other texts
            raise Unsupported
        return least, most

    def digits(self) -> int:
        """A number."""
        text = ""
        while self.peek().isdigit():
            text += self.take()
        if not text or len(text) > 6:
            raise Unsupported
        return int(text)
