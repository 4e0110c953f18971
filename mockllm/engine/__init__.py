"""Plans, dice, counters and the journal: what happens to a call, and what became of it."""
