"""Scores that are kept: cells, and the store that is asked for them."""
