"""Tensors as bytes: the binary tensor extension of KServe's V2, little-endian, row by row.

A number has the size of its type. An element of BYTES is its length in four bytes, then itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

SIZES = {
    "BOOL": 1,
    "INT8": 1,
    "INT16": 2,
    "INT32": 4,
    "INT64": 8,
    "UINT8": 1,
    "UINT16": 2,
    "UINT32": 4,
    "UINT64": 8,
    "FP16": 2,
    "FP32": 4,
    "FP64": 8,
}
"""The datatypes of a fixed size, and their bytes."""

LENGTH = struct.Struct("<I")


def pack_texts(elements: Iterable[bytes]) -> bytes:
    """Elements of BYTES as one tensor."""
    return b"".join(LENGTH.pack(len(element)) + element for element in elements)


def unpack_texts(raw: bytes) -> list[bytes]:
    """The elements of a tensor of BYTES; raises `struct.error` where it ends inside one."""
    elements, offset = [], 0
    while offset < len(raw):
        (length,) = struct.unpack_from("<I", raw, offset)
        offset += LENGTH.size
        elements.append(struct.unpack_from(f"<{length}s", raw, offset)[0])
        offset += length
    return elements


def count_numbers(datatype: str, raw: bytes) -> int:
    """How many numbers a tensor holds; raises `ValueError`, in numpy's words, for half a one."""
    count, rest = divmod(len(raw), SIZES[datatype])
    if rest:
        raise ValueError("buffer size must be a multiple of element size")
    return count
