"""`file`: the text of a file beside the profile."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Annotated, ClassVar

from pydantic import Field, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from mockllm.faults.values import expected
from mockllm.matchers.call import Call
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Source, Text


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file that was read with its profile."""

    name: str
    text: str


def read(value: object, info: ValidationInfo) -> TextFile:
    """Read the file by way of the loader, which alone knows the profile's folder."""
    if isinstance(value, TextFile):
        return value
    name, text = read_beside(value, info, "file", "a text file")
    return TextFile(name, text)


def read_beside(value: object, info: ValidationInfo, kind: str, what: str) -> tuple[str, str]:
    """The name and the text of a file in the profile's folder; the loader's reader of this kind says
    how large it may be. Refuses what is no name, and files where there is no folder."""
    if not isinstance(value, str):
        raise expected(f"the name of {what} beside the profile", value)
    reader = (info.context or {}).get(kind)
    if reader is None:
        raise expected("a text; only a profile in a folder may name files", value)
    return value, reader(value)


FileText = Annotated[
    TextFile,
    PlainValidator(read),
    PlainSerializer(lambda file: file.name, return_type=str),
    WithJsonSchema({"type": "string"}),
]


class FileSource(Source):
    """The text of a file in the profile's folder, read when the profile is read."""

    word: ClassVar = "file"

    file: FileText = Field(description="The file's name, relative to the profile.")

    def make(self, call: Call, random: Random) -> Script:
        """The text."""
        return Script((Text(pieces(self.file.text)),))
