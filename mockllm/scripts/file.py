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
    if not isinstance(value, str):
        raise expected("the name of a text file beside the profile", value)
    reader = (info.context or {}).get("file")
    if reader is None:
        raise expected("a text; only a profile in a folder may name files", value)
    return TextFile(value, reader(value))


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
