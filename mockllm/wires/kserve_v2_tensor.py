"""An input tensor, and what is wrong with it, in the words of the numpy 2 under KServe (observed).

A model that reads its inputs makes arrays of them; these are the checks that this amounts to, and
what they raise has the type and the text of Python's and numpy's own exceptions.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockllm.wires.kserve import refused
from mockllm.wires.kserve_v2_binary import SIZES, count_numbers, unpack_texts


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input as it came: data of its JSON, or raw bytes."""

    name: str
    shape: Sequence[int]
    datatype: str
    """In upper case."""
    data: list[Any] | None = None
    raw: bytes | None = None

    def texts(self) -> list[str]:
        """The elements of a tensor of BYTES; none of what cannot be read as text."""
        if self.datatype != "BYTES":
            return []
        if self.raw is not None:
            return [element.decode("utf-8", "replace") for element in unpack_texts(self.raw)]
        return [str(element) for element in flat(self.data)]

    def dimensions(self) -> tuple[int, ...]:
        """Its shape, when the elements have been read; raises what numpy raises, and
        `Refused`."""
        if self.datatype not in SIZES and self.datatype != "BYTES":
            raise refused(400, "invalid datatype None in the input")
        return reshaped(self.count(), tuple(map(operator.index, self.shape)))

    def count(self) -> int:
        """How many elements it has; each is converted to the datatype."""
        if self.raw is not None:
            if self.datatype == "BYTES":
                return len(unpack_texts(self.raw))
            return count_numbers(self.datatype, self.raw)
        if self.datatype == "BYTES":
            return math.prod(extent(self.data))
        outer = extent(self.data)
        if math.prod(outer) != len(list(flat(self.data))) or holds_lists(self.data, len(outer)):
            raise ValueError(
                "setting an array element with a sequence. The requested array has an "
                f"inhomogeneous shape after {len(outer)} dimensions. The detected shape was "
                f"{outer} + inhomogeneous part."
            )
        for element in flat(self.data):
            convert(element, self.datatype)
        return math.prod(outer)


def flat(data: Any) -> list[Any]:
    """The elements of nested lists, in order."""
    if not isinstance(data, list):
        return [data]
    return [element for part in data for element in flat(part)]


def extent(data: Any) -> tuple[int, ...]:
    """The shape of nested lists, as deep as it is the same everywhere."""
    if not isinstance(data, list):
        return ()
    inner = [extent(part) for part in data]
    same = inner[0] if inner else ()
    for other in inner:
        agreed = zip(same, other, strict=False)
        same = same[: next((n for n, (a, b) in enumerate(agreed) if a != b), len(other))]
    return (len(data), *same)


def holds_lists(data: Any, depth: int) -> bool:
    """Whether there is a list so deep in the data."""
    if depth == 0:
        return isinstance(data, list)
    return any(holds_lists(part, depth - 1) for part in data)


def convert(element: Any, datatype: str) -> None:
    """Refuse an element that is none of the datatype; raises what numpy raises."""
    if datatype == "BOOL":
        return
    if datatype.startswith("FP"):
        if element is not None:
            float(element)
        return
    number = int(element)
    bits = 8 * SIZES[datatype]
    least, most = (
        (0, 2**bits - 1) if datatype[0] == "U" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )
    if not -(2**63) <= number < 2**64 or (bits == 64 and not least <= number <= most):
        raise OverflowError("Python int too large to convert to C long")
    if not least <= number <= most:
        raise OverflowError(f"Python integer {number} out of bounds for {datatype.lower()}")


def reshaped(count: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, with the length of the one dimension that is negative; raises `ValueError`."""
    unknown = [place for place, length in enumerate(shape) if length < 0]
    if len(unknown) > 1:
        raise ValueError("can only specify one unknown dimension")
    known = math.prod(length for length in shape if length >= 0)
    if unknown and known and count % known == 0:
        return tuple(count // known if length < 0 else length for length in shape)
    if unknown or count != known:
        raise ValueError(f"cannot reshape array of size {count} into shape {spelled(shape)}")
    return shape


def spelled(shape: tuple[int, ...]) -> str:
    """A shape as numpy's error spells it: a negative length in front is left out."""
    lengths = list(shape[1:] if shape and shape[0] < 0 else shape)
    words = ["newaxis" if length < 0 else str(length) for length in lengths]
    alone = len(words) == 1 and len(lengths) == len(shape)
    return f"({','.join(words)}{',' if alone else ''})"
