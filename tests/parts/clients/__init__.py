"""Programs that ask a chat endpoint through official clients, and what runs them."""
