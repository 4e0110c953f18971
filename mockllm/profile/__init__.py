"""The profile language: its models, the loader that knows lines, and the library of names."""
