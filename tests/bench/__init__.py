"""Benchmarks, run by hand: no part of the test run."""
