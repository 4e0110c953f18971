"""Texts from clients and servers, made fit to be shown."""

from __future__ import annotations

from html import escape

PICTURES = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "\N{SYMBOL FOR DELETE}",
    0xFEFF: "\\ufeff",
    **{code: f"\\u{code:04x}" for code in (*range(0x80, 0xA0), *range(0x202A, 0x202F))},
    **{code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x2066, 0x206A))},
    **{code: f"\\u{code:04x}" for code in range(0xD800, 0xE000)},
}
"""What cannot be seen, what turns text around, and what cannot be written as UTF-8, by what is shown in
its place; tabs and line ends stay."""


def visible(text: str) -> str:
    """The text with each character to be seen."""
    return text.translate(PICTURES)


def markup(text: str) -> str:
    """The text as HTML and SVG show it: nothing in it is a tag, and each character can be seen."""
    return escape(visible(text))
