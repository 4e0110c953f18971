"""Tests of the findings on clients' conduct."""
