"""Recording: a proxy that passes streams through and writes them down, and cassettes of others."""
