"""Drills: systems under test, run through incidents and judged by what each expects."""
