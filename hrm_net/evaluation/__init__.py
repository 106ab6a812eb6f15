"""Metrics, results, compute curves and pictures."""
