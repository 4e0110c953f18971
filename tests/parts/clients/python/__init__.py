"""Clients in Python; they run in environments that have the library and not mockllm."""
