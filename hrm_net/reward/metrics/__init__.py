"""Metrics of a step scorer's scores."""
