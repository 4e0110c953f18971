"""Drills: subjects, judgement, reports and the command."""
