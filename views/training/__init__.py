"""Trained skills, for people: edits, gates, what they changed, and what they cost."""
