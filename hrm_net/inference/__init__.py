"""Continuous batching, stop rules, restarts and the selection of an answer."""
