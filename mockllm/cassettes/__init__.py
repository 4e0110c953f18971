"""Cassettes: recorded exchanges, as a file and as a timeline. Pure.

Most profiles replay none, so what replays them imports these modules when a profile names a cassette.
"""

MAX_BYTES = 256 << 20
"""The largest cassette that is read."""
