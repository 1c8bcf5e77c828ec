"""Formats of item sets: each reads the files of a benchmark and scores answers to its items."""
