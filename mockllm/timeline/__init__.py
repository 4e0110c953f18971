"""A response as data: events, their pacing, and their lowering to bytes. Pure."""
