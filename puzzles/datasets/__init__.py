"""Data directories in the published layout."""
