"""Faults on live traffic: a proxy that puts them into the answers of a real server."""
