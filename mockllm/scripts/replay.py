"""`replay`: a recorded exchange of a cassette beside the profile.

Where no fault acts on a call, what came is sent again, byte for byte and in its own time. Where one
acts, the recording is a timeline of frames like any other, and the fault finds its place in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    StrictFloat,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from mockllm.faults.often import By
from mockllm.faults.values import expected
from mockllm.matchers.call import Call
from mockllm.scripts.file import read_beside
from mockllm.scripts.script import COMMON, Recorded, Script, Source, Text, TextKind, Unanswered

if TYPE_CHECKING:
    from mockllm.cassettes.cassette import Cassette, Exchange
    from mockllm.cassettes.matching import Finder
    from mockllm.cassettes.playing import Playable

KINDS: tuple[TextKind, ...] = ("content", "reasoning", "refusal")


@dataclass(frozen=True)
class CassetteFile:
    """A cassette that was read with its profile."""

    name: str
    cassette: Cassette

    @cached_property
    def finder(self) -> Finder:
        """What finds its exchanges."""
        from mockllm.cassettes.matching import Finder

        return Finder(self.cassette)

    @cached_property
    def _known(self) -> dict[tuple[int, float], Playable]:
        return {}

    def playable(self, exchange: Exchange, speed: float) -> Playable:
        """An exchange to be played at a speed; its frames are read once."""
        from mockllm.cassettes.playing import Playable

        key = (id(exchange), speed)
        if key not in self._known:
            self._known[key] = Playable(exchange.recording, speed)
        return self._known[key]


def load(value: object, info: ValidationInfo) -> CassetteFile:
    """Read the cassette by way of the loader, which alone knows the profile's folder."""
    if isinstance(value, CassetteFile):
        return value
    from mockllm.cassettes.cassette import CassetteError
    from mockllm.cassettes.reading import read

    name, text = read_beside(value, info, "cassette", "a cassette")
    try:
        return CassetteFile(name, read(text, name))
    except CassetteError as error:
        raise expected("a cassette without mistakes", value, str(error)) from None


if TYPE_CHECKING:
    CassetteName = CassetteFile
else:
    CassetteName = Annotated[
        Any,  # pydantic would look into the file's own fields
        PlainValidator(load),
        PlainSerializer(lambda file: file.name, return_type=str),
        WithJsonSchema({"type": "string"}),
    ]


class ReplaySource(Source):
    """A recorded exchange: its bytes, its times, its ending."""

    word: ClassVar = "replay"

    replay: CassetteName = Field(description="The cassette's file, relative to the profile.")
    strict: StrictBool = Field(
        False, description="true: only a request with the recorded body is answered."
    )
    timing: Literal["recorded", "route"] = Field(
        "recorded", description="recorded: in its own time; route: as the route's pacing says."
    )
    speed: StrictFloat = Field(1.0, gt=0, description="Divides the recorded times.")

    @model_validator(mode="after")
    def nothing_beside(self) -> ReplaySource:
        """Refuse what would be different in the script: the bytes are as they were."""
        given = sorted(self.model_fields_set & COMMON)
        if given:
            raise expected(
                "a replay alone",
                dict.fromkeys(["replay", *given]),
                "change the recorded frames with `edit` faults, or the cassette itself",
            )
        return self

    @property
    def scopes(self) -> frozenset[By]:
        """Equal requests are counted, and those of a model."""
        return frozenset(("request body", "model"))

    @property
    def is_whole(self) -> bool:
        """Its bytes are an answer."""
        return True

    def claims(self, method: str, path: str) -> bool:
        """Whether any request of this method and path was recorded."""
        return self.replay.finder.serves(method, path)

    def make(self, call: Call, random: Random) -> Script:
        """The exchange that answers the call; raises `Unanswered` where none does."""
        from mockllm.cassettes.matching import NotRecorded

        try:
            exchange = self.replay.finder.find(call, strict=self.strict)
        except NotRecorded as error:
            raise Unanswered(str(error)) from None
        playable = self.replay.playable(exchange, self.speed)
        parts = tuple(
            Text(pieces, kind)
            for kind in KINDS
            if (pieces := tuple(text for one, text in playable.said if one == kind))
        )
        return Script(parts, recorded=Recorded(playable, self.timing))
