"""What Python's json says of a document that is not JSON, the same under every Python.

Since 3.13 it names a comma with nothing behind it, and the comma's place. The servers whose answers
were captured run older ones: those expect a name or a value where the bracket stands.
"""

from __future__ import annotations

import re
from json import JSONDecodeError

EXPECTED = {
    "Illegal trailing comma before end of object": "Expecting property name enclosed in double quotes",
    "Illegal trailing comma before end of array": "Expecting value",
}
SPACE = re.compile(r"[ \t\n\r]*")
"""What may stand between a comma and a bracket."""
TOO_DEEP = "maximum recursion depth exceeded"
"""Of a document that is nested too deeply. Python 3.14 also says how many bytes of its stack it used."""


def as_captured(error: JSONDecodeError) -> JSONDecodeError:
    """The same error in the words of Python before 3.13, at the place that they are about."""
    expected = EXPECTED.get(error.msg)
    if expected is None:
        return error
    behind = SPACE.match(error.doc, error.pos + len(","))
    assert behind is not None, "which may be empty"
    return JSONDecodeError(expected, error.doc, behind.end())
