"""Tests against real parts: `pytest -m parts`, after `.ci/parts`."""
