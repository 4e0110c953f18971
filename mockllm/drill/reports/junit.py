"""The results as JUnit XML, as CI servers read it: a suite for each system, a case for each cell.

What is wrong or hung is a failure, what is not judged is skipped, and the rest passes; advice and
facts stand in `system-out`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from mockllm.drill.cell import BAD, Cell
from mockllm.drill.results import Column, Results

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""


def junit(results: Results) -> str:
    """The document."""
    suites = [suite(column, results) for column in results.columns]
    root = ET.Element("testsuites", {"name": "mockllm drill", **totals(suites)})
    root.extend(suites)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def safe(text: str) -> str:
    """A text without what XML cannot hold."""
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def totals(suites: list[ET.Element]) -> dict[str, str]:
    """The counts of all suites."""
    names = ("tests", "failures", "skipped")
    return {name: str(sum(int(one.attrib[name]) for one in suites)) for name in names}


def suite(column: Column, results: Results) -> ET.Element:
    """The cells of a system."""
    bad = sum(cell.verdict in BAD for cell in column.cells)
    skipped = sum(cell.verdict == "not judged" for cell in column.cells)
    made = ET.Element(
        "testsuite",
        {
            "name": safe(column.name),
            "tests": str(len(column.cells)),
            "failures": str(bad),
            "errors": "0",
            "skipped": str(skipped),
            "time": f"{sum(cell.seconds for cell in column.cells):.3f}",
        },
    )
    properties = ET.SubElement(made, "properties")
    limits = ("limits", results.limits.as_text())
    for name, value in (("version", column.version), limits, ("command", results.command)):
        ET.SubElement(properties, "property", {"name": name, "value": safe(value)})
    made.extend(case(column, cell) for cell in column.cells)
    return made


def case(column: Column, cell: Cell) -> ET.Element:
    """One cell."""
    made = ET.Element(
        "testcase",
        {
            "classname": safe(f"{column.name}.{cell.category}"),
            "name": safe(cell.incident),
            "time": f"{cell.seconds:.3f}",
        },
    )
    reason = safe(cell.reason)
    if cell.verdict in BAD:
        failure = ET.SubElement(made, "failure", {"type": cell.verdict, "message": reason})
        failure.text = safe("\n".join(map(str, cell.judgements)))
    elif cell.verdict == "not judged":
        ET.SubElement(made, "skipped", {"message": reason})
    told = [f"{cell.verdict}: {cell.reason}"]
    told += [f"advice ({one.name}): {one.evidence}; {one.remedy}" for one in cell.findings]
    told += [f"{name}: {fact}" for name, fact in cell.facts.items()]
    ET.SubElement(made, "system-out").text = safe("\n".join(told))
    return made
