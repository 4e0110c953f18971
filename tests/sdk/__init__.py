"""The clients' own libraries against the everyday profiles."""
