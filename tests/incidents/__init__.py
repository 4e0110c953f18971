"""The incidents, played over a real socket and compared with an oracle of their own."""
