"""A past run again: rebuilt, re-decided, rerun."""
