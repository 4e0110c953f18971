"""Benchmarks, run by hand with `python -m tests.bench`; only their arithmetic is in the test run."""
