"""The matchers of the language: one file each, found by their place in this folder. Pure."""
