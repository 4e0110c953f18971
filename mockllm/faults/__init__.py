"""The faults of the language: one file per verb, named faults as data. Pure."""
