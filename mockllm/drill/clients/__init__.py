"""The programs that drive a client: each runs in a process, and perhaps in an environment, of its own.

They import nothing of mockllm, so that the environment of the client under test needs only that client.
`main.py` speaks with the drill, the other files know one client each.
"""
