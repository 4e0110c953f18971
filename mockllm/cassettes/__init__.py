"""Cassettes: recorded exchanges, as a file and as a timeline. Pure."""
