"""Findings: facts about a client's conduct, judged from the journal.

Every class of this folder that derives from `Check` is one thing that is judged; a new one is a new
class in a file here, and no other file changes. What a journal does not show is not judged, and
never passed.
"""
